"""The copy of the pool is whole, fresh and bounded."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Container, Sequence
from typing import Any

import gevent
import pytest

from gateway.following import SECONDS
from gateway.mirror import LEFT_ALONE, LOOKS, SAMPLE_SECONDS, SOON, Mirror, Timed
from gateway.sample import LEAST, WHOLE, Sample
from kimi.accounts import Account, Kind
from kimi.errors import StoreUnavailable
from kimi.pool.changes import Batch, Copy
from tests.gateway.copies import copy_of


class Told:
    """Tells what it is told to tell, and notes what it was asked."""

    def __init__(self, *batches: Batch | StoreUnavailable, one_by_one: Sequence[Copy] = ()) -> None:
        self.batches = list(batches)
        self.one_by_one = {copy.account.name: copy for copy in one_by_one}
        self.asked: list[int] = []
        self.wanted: list[object] = []

    def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
        self.asked.append(number)
        self.wanted.append(wanted)
        batch = self.batches.pop(0)
        if isinstance(batch, StoreUnavailable):
            raise batch
        return batch

    def these(self, names: Sequence[str]) -> Sequence[Copy]:
        return [self.one_by_one.pop(name) for name in names]


class Cut:
    """Samples that come one after the other, the last one again and again; and how often one was cut."""

    def __init__(self, *samples: Sample) -> None:
        self.samples = list(samples)
        self.times = 0

    def cut(self, most: int, before: Sample) -> Sample:
        self.times += 1
        return self.samples.pop(0) if len(self.samples) > 1 else self.samples[0]


def whole(told: Told, **options: Any) -> Mirror:
    """The mirror of a pool that fits."""
    return Mirror(told, Cut(WHOLE), **options)


def batch(number: int, latest: int, *copies: Copy) -> Batch:
    return Batch(number, latest, copies)


def names(mirror: Mirror) -> Sequence[str] | None:
    return None if mirror.copies is None else list(mirror.copies)


def test_accounts_are_read_page_by_page() -> None:
    told = Told(batch(2, 3, copy_of("a"), copy_of("b")), batch(3, 3, copy_of("c")), batch(3, 3))
    mirror = whole(told)
    assert names(mirror) is None
    mirror.refresh()
    assert names(mirror) == ["a", "b", "c"]
    mirror.refresh()
    assert told.asked == [0, 2, 3]


def test_an_empty_pool_is_known_too() -> None:
    mirror = whole(Told(batch(0, 0)))
    mirror.refresh()
    assert names(mirror) == []


def test_what_changes_is_taken_over_and_what_is_taken_out_goes() -> None:
    newer = copy_of("a", stored_token="newer")
    mirror = whole(Told(batch(2, 2, copy_of("a"), copy_of("b")), batch(4, 4, newer, copy_of("b", configured=False))))
    mirror.refresh()
    mirror.refresh()
    assert mirror.copies == {"a": newer}


@pytest.mark.parametrize("failure", [batch(1, 1), StoreUnavailable("away")])
def test_a_store_that_was_away_or_has_lost_something_is_read_anew(failure: Batch | StoreUnavailable) -> None:
    told = Told(batch(5, 5, copy_of("a"), copy_of("b")), failure, batch(1, 2, copy_of("a")), batch(2, 2, copy_of("c")))
    mirror = whole(told)
    mirror.refresh()
    if isinstance(failure, StoreUnavailable):
        with pytest.raises(StoreUnavailable):
            mirror.refresh()
        assert names(mirror) == ["a", "b"], "what was known stays"
    mirror.refresh()
    assert names(mirror) == ["a", "c"]
    assert told.asked == [0, 5, 0, 1]


def test_a_reading_that_breaks_off_changes_nothing() -> None:
    told = Told(batch(1, 1, copy_of("a")), StoreUnavailable(""), batch(1, 2, copy_of("b")), StoreUnavailable(""))
    mirror = whole(told)
    mirror.refresh()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            mirror.refresh()
    assert names(mirror) == ["a"]


def test_no_more_are_copied_than_there_is_room_for_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    newer = copy_of("a", stored_token="newer")
    mirror = whole(Told(batch(4, 4, *map(copy_of, "abcd")), batch(5, 5, newer)), most=2)
    with caplog.at_level(logging.WARNING):
        mirror.refresh()
        mirror.refresh()
    assert mirror.copies == {"a": newer, "b": copy_of("b")}
    assert [record.message for record in caplog.records] == [
        "only 2 accounts are copied for the time when Redis is away, there are more"
    ]


def test_accounts_of_clients_leave_room_for_the_operators() -> None:
    guests = [copy_of(Account(name=name, kind=Kind.KIMI, owner=name)) for name in "stuv"]
    mirror = whole(Told(batch(6, 6, *guests, copy_of("a"), copy_of("b"))), most=4)
    mirror.refresh()
    assert names(mirror) == ["s", "t", "a", "b"]


def test_who_starts_while_much_changes_goes_on_with_what_was_read_so_far() -> None:

    class Busy(Told):
        def since(self, known: int, wanted: Container[str] | None = None) -> Batch:
            if known == 4:
                raise StoreUnavailable("away")
            return batch(known + 1, known + 3, copy_of(f"a{known}"))

    seen: list[Sequence[str] | None] = []
    mirror = Mirror(Busy(), Cut(Sample(1, "w")), pause=lambda _: seen.append(names(mirror)))
    with pytest.raises(StoreUnavailable):
        mirror.refresh()
    assert seen == [["a0"], ["a0", "a1"], ["a0", "a1", "a2"], ["a0", "a1", "a2", "a3"]]
    assert names(mirror) == seen[-1], "all that stood there when reading began was read"


def test_what_was_known_is_left_once_all_was_read_that_stood_there_and_what_changed_meanwhile() -> None:
    seen: list[Sequence[str] | None] = []
    laps = batch(1, 2, copy_of("a")), batch(2, 4, copy_of("b")), batch(3, 8, copy_of("c")), batch(4, 9, copy_of("d"))
    told = Told(batch(1, 1, copy_of("old")), batch(0, 0), *laps)
    mirror: Mirror = whole(told, pause=lambda _: seen.append(names(mirror)))
    mirror.refresh()
    with pytest.raises(IndexError):  # there is ever more to read
        mirror.refresh()
    assert seen == [["old"]] * 4 + [["a", "b", "c", "d"]]


def test_an_account_that_changes_while_all_is_read_anew_is_known_all_the_time() -> None:

    class Changing:
        """Tells of one account a page, the one that changed the longest ago first, as Redis does."""

        def __init__(self) -> None:
            self.latest = 0
            self.changes: dict[str, int] = {}
            self.is_away = False

        def change(self, name: str) -> None:
            self.latest += 1
            self.changes[name] = self.latest

        def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
            if self.is_away:
                raise StoreUnavailable("away")
            behind = sorted((each, name) for name, each in self.changes.items() if each > number)
            return batch(behind[0][0], self.latest, copy_of(behind[0][1])) if behind else batch(number, self.latest)

        def these(self, names: Sequence[str]) -> Sequence[Copy]:
            return []

    source, known = Changing(), list("abcdef")
    for name in known:
        source.change(name)
    changing, seen = iter("fed"), list[Sequence[str]]()

    def pause(_: float) -> None:
        seen.append(sorted(mirror.copies or ()))
        for name in itertools.islice(changing, 1):
            source.change(name)

    mirror = Mirror(source, Cut(WHOLE), pause=pause)
    mirror.refresh()
    source.is_away = True
    with pytest.raises(StoreUnavailable):
        mirror.refresh()
    source.is_away = False
    mirror.refresh()
    assert seen == [known] * 5


def test_it_is_kept_fresh_whatever_happens() -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise gevent.GreenletExit

    mirror = whole(Told(StoreUnavailable("away"), batch(1, 1, copy_of("a"))), pause=pause)
    with pytest.raises(gevent.GreenletExit):
        mirror.run()
    assert names(mirror) == ["a"]
    assert pauses == [SECONDS, SECONDS]


def test_what_clients_made_up_is_not_copied() -> None:
    mine, made_up = (Account(name=name, kind=Kind.KIMI, owner=name) for name in ("mine", "made up"))
    told = Told(batch(1, 1, copy_of("a"), copy_of(mine), copy_of(made_up, stored_token="")))
    mirror = whole(told)
    mirror.refresh()
    assert names(mirror) == ["a", "mine"]


def test_an_answer_is_timed_and_a_failure_is_not() -> None:
    seconds: list[float] = []
    clock = iter((10.0, 10.25, 20.0))
    source = Timed(Told(batch(1, 1), StoreUnavailable("gone")), seconds.append, monotonic=lambda: next(clock))
    assert source.since(0) == batch(1, 1)
    with pytest.raises(StoreUnavailable):
        source.since(1)
    assert seconds == [0.25]


def test_of_a_large_pool_its_share_is_read_and_all_is_read_anew_once_that_is_another_one() -> None:
    half, fourth = Sample(1, "w"), Sample(2, "w")
    many = [copy_of(f"a{number}") for number in range(LEAST)]
    told = Told(batch(3, 3, *many), *(batch(3, 3) for _ in range(LOOKS - 1)), batch(4, 4, copy_of("b")))
    cut = Cut(half, fourth)
    mirror = Mirror(told, cut)
    for _ in range(LOOKS):
        mirror.refresh()
    assert (len(names(mirror) or ()), cut.times) == (LEAST, 1)
    mirror.refresh()
    assert (names(mirror), cut.times) == (["b"], 2)
    assert told.wanted == [half] * LOOKS + [fourth]
    assert told.asked == [0, *[3] * (LOOKS - 1), 0]


def test_accounts_that_come_to_a_share_or_go_are_read_and_forgotten_by_themselves() -> None:
    names_of = [f"a{number}" for number in range(100)]
    mine = next(name for name in names_of if name in Sample(1, "w"))
    old, new = [name for name in names_of if name not in Sample(1, "w")][:2]
    told = Told(batch(2, 2, copy_of(mine), copy_of(old)), *[batch(2, 2)] * SOON, one_by_one=[copy_of(new)])
    cut = Cut(Sample(1, "w", frozenset({mine, old})), Sample(1, "w", frozenset({new})))
    mirror = Mirror(told, cut)
    for _ in range(SOON):
        mirror.refresh()
    assert (names(mirror), cut.times) == ([mine, old], 1)
    mirror.refresh()
    assert (names(mirror), cut.times) == ([mine, new], 2), "soon, for hardly any of them can serve"
    assert told.asked == [0, *[2] * SOON], "and nobody else is read again"


def test_a_share_of_which_most_are_out_of_service_is_looked_at_again_soon() -> None:
    dead = [copy_of(f"a{number}", serves=False) for number in range(LEAST)]
    cut = Cut(Sample(1, "w"))
    mirror = Mirror(Told(batch(1, 1, *dead), *[batch(1, 1)] * SOON), cut)
    for _ in range(SOON + 1):
        mirror.refresh()
    assert cut.times == 2


def test_a_pool_whose_size_nobody_tells_is_read_anew_as_well() -> None:
    class Away:
        def cut(self, most: int, before: Sample) -> Sample:
            raise StoreUnavailable("away")

    told = Told()
    with pytest.raises(StoreUnavailable):
        Mirror(told, Away()).refresh()
    assert told.asked == []


@pytest.mark.parametrize(("took", "left_alone"), [(0.0625, LEFT_ALONE * 0.0625), (1, SAMPLE_SECONDS)])
def test_redis_is_left_alone_between_pages_but_by_a_worker_that_knows_nothing(took: float, left_alone: float) -> None:
    pauses: list[float] = []
    clock = itertools.count(0, took)
    told = Told(batch(1, 2), batch(2, 2), StoreUnavailable("away"), batch(1, 2), batch(2, 2))
    mirror = whole(told, pause=pauses.append, monotonic=lambda: next(clock))
    mirror.refresh()
    assert pauses == []
    with pytest.raises(StoreUnavailable):
        mirror.refresh()
    mirror.refresh()
    assert pauses == [left_alone]


def test_a_share_is_never_read_in_one_go() -> None:
    pauses: list[float] = []
    mirror = Mirror(Told(batch(1, 2), batch(2, 2)), Cut(Sample(1, "w")), pause=pauses.append)
    mirror.refresh()
    assert len(pauses) == 1


def test_a_share_may_be_some_seconds_old() -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        raise gevent.GreenletExit

    with pytest.raises(gevent.GreenletExit):
        Mirror(Told(batch(1, 1)), Cut(Sample(1, "w")), pause=pause).run()
    assert pauses == [SAMPLE_SECONDS]
