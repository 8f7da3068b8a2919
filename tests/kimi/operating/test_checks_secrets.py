"""What is said of the seals of secrets, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.operating.checks import Level
from kimi.operating.checks_secrets import droppable, listed, sealed
from kimi.pool.seals import PLAIN, UNREADABLE, Seal, Seals


@pytest.mark.parametrize(
    ("seals", "keys", "level", "seen", "advice"),
    [
        (Seals(), 0, Level.OK, "there are none", ""),
        (Seals(plain=4), 0, Level.WARNING, "4 of 4 stand in Redis in plain text", "`secrets key`"),
        (Seals(plain=1, current=3), 1, Level.WARNING, "1 of 4 stand in Redis in plain text", "`secrets rotate`"),
        (Seals(current=1, older={2: 2, 3: 1}), 3, Level.WARNING, "3 of 4 are sealed with an older key", "rotate"),
        (Seals(current=4), 1, Level.OK, "all 4 are sealed with the first key", ""),
        (Seals(current=4), 2, Level.OK, "with the first key; all others can be dropped", ""),
        (Seals(current=3, unreadable=1, lost=("a",)), 2, Level.PROBLEM, "1 of 4 cannot be opened, of a", "the others"),
        (Seals(plain=3, unreadable=1, lost=("a",)), 0, Level.PROBLEM, "1 of 4 cannot be opened, of a", "add the key"),
        (Seals(current=3, unreadable=1, gone=("a",)), 1, Level.WARNING, "1 of 4 cannot be opened, of a", "90 days"),
        (Seals(plain=4, canary=UNREADABLE), 0, Level.PROBLEM, "the right keys cannot be opened", "add the key"),
        (Seals(current=4, canary=2), 2, Level.WARNING, "is sealed with an older one", "rotate"),
        (Seals(current=4, processes={"a": 1}), 2, Level.OK, "all others can be dropped", ""),
        (
            Seals(current=4, processes={"a": 1, "b": 2}),
            2,
            Level.WARNING,
            "is not the first one of b",
            "give b the same",
        ),
        (Seals(current=4, processes={"a": PLAIN}), 1, Level.WARNING, "is not the first one of a", "give a the same"),
        (Seals(plain=4, processes={"a": PLAIN}), 0, Level.WARNING, "in plain text", "`secrets key`"),
        (Seals(current=4, processes={"a": UNREADABLE}), 1, Level.PROBLEM, "is the first one of a", "give a the same"),
        (Seals(plain=4, processes={"a": UNREADABLE, "b": PLAIN}), 0, Level.PROBLEM, "in plain text", "give a the same"),
    ],
)
def test_what_is_found(seals: Seals, keys: int, level: Level, seen: str, advice: str) -> None:
    finding = sealed(seals, keys)
    assert finding.level is level
    assert finding.seen.endswith(seen)
    assert advice in finding.advice and bool(finding.advice) == bool(advice)


ALL: dict[str, Seal] = {"a": UNREADABLE, "b": 2, "c": 1}


@pytest.mark.parametrize(
    "seals",
    [
        Seals(unreadable=4, lost=("x",), canary=UNREADABLE, processes=ALL),
        Seals(canary=UNREADABLE, processes=ALL),
        Seals(plain=1, current=3, processes=ALL),
        Seals(older={2: 1}, processes=ALL),
        Seals(current=3, unreadable=1, gone=("x",), processes=ALL),
        Seals(current=4, processes=ALL),
    ],
)
def test_whatever_is_found_those_with_other_keys_are_named(seals: Seals) -> None:
    finding, alone = sealed(seals, 2), sealed(replace(seals, processes={}), 2)
    assert finding.level is Level.PROBLEM
    assert finding.seen.startswith(
        "a key that is not here is the first one of a; the first key is not the first one of b"
    )
    assert "give a the same" in finding.advice and "give b the same" in finding.advice
    assert not alone.advice or (finding.seen.endswith(alone.seen) and finding.advice.endswith(alone.advice))


def test_what_is_worth_nothing_may_stand_there_in_plain_text() -> None:
    assert sealed(Seals(plain=4), 0, matters=False).level is Level.OK


def test_keys_that_nothing_is_sealed_with_can_be_dropped_but_the_first() -> None:
    assert droppable(Seals(older={3: 1}), 4) == [2, 4]
    assert droppable(Seals(canary=2, processes={"a": 1, "b": 4}), 4) == [3]
    assert droppable(Seals(current=1), 1) == droppable(Seals(), 0) == []


def test_of_many_names_the_first_are_told() -> None:
    assert listed(["b", "a"]) == "a, b"
    assert listed([str(number) for number in range(7)]) == "0, 1, 2, 3, 4 and 2 more"
