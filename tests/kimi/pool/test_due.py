"""Which refreshes are handed out, to whom, and how fast."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.due import DueRefreshes, LineState, Room, Taken
from kimi.pool.interventions import Interventions
from kimi.pool.tokens import LOCK_SECONDS
from tests.kimi.pool.coming_due import (
    ANY,
    BEHIND,
    FAST,
    PLENTY,
    behind,
    entered,
    names,
    numbered,
    overdue,
)
from tests.kimi.pool.pools import Pool, web

MOST_COMMANDS = 400
"""Of one call, at the worst: they take about half a millisecond."""


@pytest.fixture
def due(pool: Pool) -> DueRefreshes:
    return DueRefreshes(pool.store, rate=FAST)


def free(taken: Taken) -> None:
    for lock, _ in taken.locks:
        lock.free()


def test_what_is_not_due_is_not_handed_out_and_its_time_is_told(pool: Pool, due: DueRefreshes) -> None:
    assert due.take(1, Room(1)) == Taken((), None, is_held_back=False, waits_for_room=False, due=0)
    pool.fill(web("a"), lifetime=100)  # due in 50 s
    assert due.take(1, Room(1)) == Taken((), 50.0, is_held_back=False, waits_for_room=False, due=0)
    pool.clock.now += 50
    taken = due.take(9, Room(9))
    assert (names(taken), taken.due, taken.wait) == (["a"], 1, None)


def test_the_most_overdue_go_first_with_their_lines(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, ["c", "a", "b"])
    taken = due.take(2, Room(9))
    assert names(taken) == ["c", "a"]
    assert {line for _, line in taken.locks} == {web("a").line}
    assert taken.wait == 0, "there is more to do at once"


def test_nobody_is_handed_out_twice_while_the_lock_lasts(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, ["a", "b", "c"])
    first, second = due.take(2, Room(9)), DueRefreshes(pool.store, rate=FAST).take(9, Room(9))
    assert (names(first), names(second)) == (["a", "b"], ["c"])
    assert names(due.take(9, Room(9))) == []
    free(first)
    assert names(due.take(9, Room(9))) == ["a", "b"]


def test_the_lock_that_comes_with_it_is_one(pool: Pool, due: DueRefreshes) -> None:
    pool.configure(web("a"))
    ((lock, _),) = due.take(1, Room(1)).locks
    record = pool.members.get("a")
    assert record is not None
    assert pool.tokens.is_locked("a")
    with pool.tokens.holding(lock):
        assert 0 < pool.store.redis.pttl(pool.store.key("lock", "a")) <= LOCK_SECONDS * 1000
        assert lock.spend(record) is not None
        assert replace(lock, owner="somebody else").spend(record) is None
    assert not pool.tokens.is_locked("a")


def test_all_together_begin_no_more_than_the_rate(pool: Pool) -> None:
    pool.configure(*map(web, numbered(300)))
    refreshers = [DueRefreshes(pool.store, rate=10) for _ in range(3)]
    shares = [0, 0, 0]
    for step in range(100):  # ten seconds
        for number in range(3):
            which = (step + number) % 3
            taken = refreshers[which].take(9, ANY)
            shares[which] += len(taken.locks)
            assert taken.is_held_back == (len(taken.locks) < 9)
            assert taken.wait is not None and taken.wait <= 0.1
        pool.clock.now += 0.1
    assert sum(shares) == 10 + 99, "ten at once, and then ten a second"
    assert min(shares) > 25


def test_the_rate_forgets_what_was_not_used_for_long(pool: Pool) -> None:
    pool.configure(*map(web, numbered(100)))
    slow = DueRefreshes(pool.store, rate=10)
    assert len(slow.take(PLENTY, ANY).locks) == 10
    pool.clock.now += 3600
    assert len(slow.take(PLENTY, ANY).locks) == 10


def test_less_than_one_a_second_is_a_rate_too(pool: Pool) -> None:
    pool.configure(*map(web, numbered(10)))
    slow = DueRefreshes(pool.store, rate=0.5)
    counts = []
    for _ in range(8):
        counts.append(len(slow.take(9, Room(9)).locks))
        pool.clock.now += 1
    assert counts == [1, 0, 1, 0, 1, 0, 1, 0]


def test_what_was_not_asked_of_kimi_is_not_counted(pool: Pool) -> None:
    pool.configure(*map(web, numbered(100)))
    slow = DueRefreshes(pool.store, rate=10)
    assert len(slow.take(PLENTY, ANY).locks) == 10
    assert slow.take(PLENTY, ANY).is_held_back
    assert len(slow.take(PLENTY, ANY, unused=4).locks) == 4
    pool.clock.now += 60
    assert len(slow.take(PLENTY, ANY, unused=50).locks) == 10, "and never makes for more than that"


def test_nobody_is_held_back_where_all_are_under_way(pool: Pool) -> None:
    pool.configure(web("a"), web("b"))
    slow = DueRefreshes(pool.store, rate=2)
    assert not slow.take(9, Room(9)).is_held_back
    pool.clock.now += 10
    assert not slow.take(9, Room(9)).is_held_back


def test_a_line_has_as_many_as_it_may(pool: Pool, due: DueRefreshes) -> None:
    behind = [web(name, proxy="http://127.0.0.1:9") for name in numbered(5, "p")]
    pool.configure(*behind, *map(web, numbered(5, "q")))
    (line,) = {account.line for account in behind}
    taken = due.take(9, Room(3, {line: (1, LineState.ANSWERS)}))
    assert sorted(name[0] for name in names(taken)) == ["p", "q", "q", "q"]


@pytest.mark.parametrize("known", [LineState.ANSWERS, LineState.SILENT])
@pytest.mark.parametrize("score", [1000, 0, -1])
def test_who_waits_for_a_line_without_room_does_not_stand_before_the_others(
    pool: Pool, due: DueRefreshes, known: LineState, score: float
) -> None:
    overdue(pool, ["q"])
    line = behind(pool, 1500, score=score)
    room = Room(9, {line: (0, known)})
    taken = due.take(9, room)
    assert (names(taken), taken.waits_for_room) == (["q"], True)
    assert taken.wait is not None and 0 < taken.wait <= 1
    pool.clock.now += 1
    later = names(due.take(9, Room(9)))
    assert later == numbered(9, "p") or (score < 1000 and len(later) == 9)


def test_who_is_found_in_the_midst_of_thousands_is_found_before_long(pool: Pool, due: DueRefreshes) -> None:
    """As one whose lock has expired, because it was killed who held it."""
    line = behind(pool, 1500)
    overdue(pool, ["q"])
    pool.store.redis.zadd(pool.store.key("refresh"), {"q": 999.5, **dict.fromkeys(numbered(500, "p"), 999)})
    room = Room(9, {line: (0, LineState.ANSWERS)})
    with pool.held("q"):
        assert not any(names(due.take(9, room)) for _ in range(100))
    assert ["q"] in [names(due.take(9, room)) for _ in range(100)]


def test_a_thousand_lines_without_room_do_not_stand_before_one_that_has_some(pool: Pool, due: DueRefreshes) -> None:
    lines = {name: f"line of {name}" for name in numbered(1000, "p")}
    entered(pool, lines, 1000)
    room = Room(9, dict.fromkeys(lines.values(), (0, LineState.SILENT)))

    def take(calls: int) -> list[str]:
        found = []
        for _ in range(calls):
            pool.clock.now += 0.2
            found += names(due.take(9, room))
        return found

    assert take(60) == []
    overdue(pool, ["q"])
    assert take(20) == ["q"]


def test_lines_that_are_not_known_to_answer_share_what_there_is(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, ["q"])
    lines = {name: f"line of {name}" for name in numbered(30, "p")}
    entered(pool, lines, 0)
    silent = numbered(20, "p")
    known = {web("q").line: (9, LineState.ANSWERS)} | {lines[name]: (4, LineState.SILENT) for name in silent}
    taken = names(due.take(PLENTY, Room(9, known, unknown=7, silent=3)))
    assert "q" in taken
    assert len(taken) == 8
    assert len(set(taken) & set(silent)) <= 3
    assert names(due.take(PLENTY, Room(9, known, unknown=0, silent=3))) == []


def test_who_was_locked_while_he_stood_in_the_queue_is_not_handed_out(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, numbered(200))
    full = Room(9, {web("a").line: (0, LineState.ANSWERS)})
    for _ in range(10):
        assert names(due.take(9, full)) == []
    with pool.held("a0100"):
        taken = [name for _ in range(20) for name in names(due.take(PLENTY, ANY))]
        assert len(taken) == 199
        assert "a0100" not in taken
    assert ["a0100"] in [names(due.take(9, ANY)) for _ in range(10)]


def test_who_is_not_to_be_had_any_more_is_left_out(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, ["gone", "fresh", "moved", "hurried", "stays"])
    line = web("stays").line
    assert names(due.take(9, Room(9, {line: (0, LineState.ANSWERS)}))) == []
    pool.configure(web("fresh"), web("moved", proxy=BEHIND), web("hurried"), web("stays"))
    pool.freshen("fresh")
    Interventions(pool.store).hurry("hurried")
    taken = due.take(9, Room(9, {line: (2, LineState.ANSWERS)}))
    assert names(taken)[0] == "hurried"
    assert {lock.name: line for lock, line in taken.locks} == {
        "hurried": line,
        "stays": line,
        "moved": web("moved", proxy=BEHIND).line,
    }
    free(taken)
    assert set(names(due.take(9, ANY))) == {"hurried", "stays", "moved"}
    assert list(pool.store.redis.scan_iter(pool.store.key("due", "*"))) == [], "nobody waits: nothing is left behind"


def test_what_is_put_off_comes_again_later_and_never_sooner_than_planned(pool: Pool, due: DueRefreshes) -> None:
    pool.configure(web("a"), web("b"), web("gone"))
    pool.freshen("b", lifetime=900)
    pool.configure(web("a"), web("b"))
    assert names(due.take(9, ANY, put_off={"a": 30, "b": 30, "gone": 30})) == []
    record = pool.members.get("a")
    assert record is not None and record.due == pool.clock.now + 30
    pool.clock.now += 31
    assert names(due.take(9, ANY)) == ["a"]


def test_who_is_waited_for_keeps_his_place_where_he_is_put_off(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, numbered(100))
    Interventions(pool.store).hurry("a0050")
    taken = due.take(1, ANY, put_off={"a0050": 0.2})
    assert (names(taken), taken.wait) == (["a0000"], 0)
    until(lambda: not pool.tokens.is_locked("a0050"))
    assert names(due.take(1, ANY)) == ["a0050"]


def test_exchanges_beside_those_that_were_handed_out_are_of_the_same_rate(pool: Pool) -> None:
    pool.configure(*map(web, numbered(100)))
    slow, other = DueRefreshes(pool.store, rate=10), DueRefreshes(pool.store, rate=10)
    assert len(slow.take(PLENTY, ANY).locks) == 10
    pool.clock.now += 1

    def take_beside_others() -> Taken:
        for _ in range(20):
            slow.one_more()
        return slow.take(PLENTY, ANY)

    take_beside_others()
    taken = take_beside_others()
    assert (names(taken), taken.is_held_back) == ([], True)
    assert taken.wait == pytest.approx(3.1)
    pool.clock.now += 3
    assert names(other.take(PLENTY, ANY)) == []
    pool.clock.now += 1
    assert len(other.take(PLENTY, ANY).locks) == 10


def test_what_was_begun_beyond_the_rate_is_waited_for_no_longer_than_a_minute(pool: Pool) -> None:
    pool.configure(*map(web, numbered(100)))
    slow = DueRefreshes(pool.store, rate=10)
    for _ in range(5000):
        slow.one_more()
    slow.take(1, ANY)
    pool.clock.now += 60
    assert names(slow.take(1, ANY)) == []
    pool.clock.now += 2
    assert names(slow.take(1, ANY)) != []


def test_ten_thousand_that_are_due_cost_no_more_than_ten(redis_url: str) -> None:
    with connect(redis_url) as redis:
        store = Store(redis)
        pool = Pool(store, clock=store.now)  # type: ignore[arg-type]
        pool.configure(*map(web, numbered(10)))
        few = _cost(store)
        redis.zadd(store.key("refresh"), {f"x{number}": 0 for number in range(10_000)})
        assert _cost(store) < 5 * few + 300


def _cost(store: Store) -> float:
    """Microseconds of Redis a call, with locks of others that stand in between."""
    refreshes = DueRefreshes(store, rate=FAST)
    refreshes.take(1, ANY)
    store.redis.config_resetstat()
    for _ in range(20):
        free(refreshes.take(3, ANY))
    return float(store.redis.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])


@pytest.mark.parametrize("known", [None, LineState.ANSWERS, LineState.SILENT])
@pytest.mark.parametrize("lines", [1, 1200])
def test_a_call_is_a_short_one_whatever_is_due_and_however_little_of_it_may_begin(
    pool: Pool, due: DueRefreshes, known: LineState | None, lines: int
) -> None:
    line_of = {name: f"line {number % lines}" for number, name in enumerate(numbered(1200))}
    entered(pool, line_of, 0)
    entered(pool, {name: line_of[name] for name in numbered(600)}, 1000)
    room = Room(96, dict.fromkeys(line_of.values(), (0, known)) if known else {})
    due.take(128, room)
    most = 0
    for _ in range(20):
        pool.clock.now += 0.1
        pool.store.redis.config_resetstat()
        due.take(128, room)
        stats = pool.store.redis.info("commandstats")
        most = max(most, sum(each["calls"] for each in stats.values()))
    assert most < MOST_COMMANDS
