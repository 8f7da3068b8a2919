"""Refreshes that the operator asks for, and what he is told of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kimi.accounts import Account, Kind, State
from kimi.operating.accounts import Accounts, Refused
from kimi.operating.renewing import Fate
from kimi.pool.heartbeats import AT_WORK_SECONDS, Heartbeats
from tests.kimi.pool.pools import Pool, web

KEY = Account(name="key", kind=Kind.MOONSHOT)
Ends = Callable[[Pool], object]


def accounts(pool: Pool, *steps: Ends) -> Accounts:
    """Those of a pool in which time passes only while somebody waits; each wait is one step of the refresher."""
    left = list(steps)

    def wait(seconds: float) -> None:
        pool.clock.now += seconds
        if left:
            left.pop(0)(pool)

    Heartbeats(pool.store).beat("refresher")
    return Accounts(pool.store, pause=wait, monotonic=pool.clock)


def nothing(_: Pool) -> None: ...


def condemn(state: State) -> Ends:
    return lambda pool: pool.members.mark("a", version(pool), state, "401: log in again")


def version(pool: Pool) -> int:
    record = pool.members.get("a")
    assert record is not None
    return record.version


def postpone(pool: Pool) -> None:
    record = pool.members.get("a")
    assert record is not None
    pool.tokens.postpone(record, pool.clock.now + 8, record.failures + 1, reason="Unreachable: no way")


@pytest.mark.parametrize(
    ("ends", "fate", "message"),
    [
        (lambda pool: pool.freshen("a"), Fate.RENEWED, "has a new token, for 15 min"),
        (condemn(State.DEAD), Fate.REFUSED, "it is dead: 401: log in again"),
        (condemn(State.BANNED), Fate.REFUSED, "it is banned: 401: log in again"),
        (postpone, Fate.FAILED, "failed (Unreachable: no way), is tried again in 8 s"),
        (lambda pool: pool.configure(), Fate.GONE, "it was taken out meanwhile"),
        (lambda pool: pool.members.mark("a", version(pool), State.PAUSED, ""), Fate.GONE, "it was paused meanwhile"),
    ],
    ids=["renewed", "dead", "banned", "failed", "removed", "paused"],
)
def test_what_comes_of_it_is_told(pool: Pool, ends: Ends, fate: Fate, message: str) -> None:
    pool.fill(web("a"))
    told = accounts(pool, nothing, ends).refresh("a", patience=5)
    assert (told.name, told.fate, told.message, told.ok) == ("a", fate, message, fate is Fate.RENEWED)
    assert told.seconds == pytest.approx(0.4)


def test_it_is_due_at_once(pool: Pool) -> None:
    pool.fill(web("a"))
    seen: list[list[str]] = []
    accounts(pool, lambda pool: seen.append(pool.due())).refresh("a", patience=0.1)
    assert seen == [["a"]]


def test_nobody_answers(pool: Pool) -> None:
    pool.fill(web("a"))
    told = accounts(pool).refresh("a", patience=2)
    assert (told.fate, told.message) == (
        Fate.SILENT,
        "the refresher has not come to it yet: look at it again in a minute",
    )
    assert 2 <= told.seconds < 2.5
    with pool.held("a"):
        told = accounts(pool).refresh("a", patience=2)
    assert told.message == "its upstream has not answered yet: look at it again in a minute"


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_nobody_is_waited_for_where_there_is_no_refresher(pool: Pool, names: list[str]) -> None:
    pool.fill(*map(web, names))
    hands = accounts(pool)
    pool.clock.now += AT_WORK_SECONDS + 1
    told = list(hands.refresh_all(names, patience=30))
    assert {each.name for each in told} == set(names)
    assert {each.message for each in told} == {"no refresher is at work: start one, which refreshes it at once"}
    assert {each.seconds for each in told} == {0.0}
    assert pool.due() == names  # for one that is started later


def test_a_key_is_tried(pool: Pool) -> None:
    pool.fill(KEY, models=("kimi-k3",))
    told = accounts(pool, lambda pool: pool.freshen("key")).refresh("key", patience=5)
    assert (told.fate, told.message) == (Fate.RENEWED, "its key is good")


def test_each_of_several_is_told_as_soon_as_it_is_known(pool: Pool) -> None:
    pool.fill(web("a"), web("b"), web("c"))
    steps = (lambda pool: pool.freshen("c"), lambda pool: pool.freshen("a"))
    told = list(accounts(pool, *steps).refresh_all(["a", "b", "c"], patience=3))
    assert [(each.name, each.fate) for each in told] == [("c", "renewed"), ("a", "renewed"), ("b", "silent")]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (State.PAUSED, "account a is paused: resume it, which refreshes it at once"),
        (State.DEAD, r"account a is dead \(why\): clear it to have its token tried anew"),
        (State.BANNED, r"account a is banned \(why\): clear it"),
    ],
)
def test_one_out_of_service_is_refused_with_what_to_do(pool: Pool, state: State, message: str) -> None:
    pool.fill(web("a"))
    pool.members.mark("a", version(pool), state, "why")
    with pytest.raises(Refused, match=message):
        accounts(pool).refresh("a", patience=5)
