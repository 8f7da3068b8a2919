"""Whose turn it is where more refreshes are due than may begin."""

from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount
from kimi.pool.due import DueRefreshes, LineState, Room
from kimi.pool.interventions import Interventions
from tests.kimi.pool.coming_due import ANY, FAST, PLENTY, behind, due_again, entered, names, numbered, overdue
from tests.kimi.pool.pools import KIMI, Pool, web


@pytest.fixture
def due(pool: Pool) -> DueRefreshes:
    return DueRefreshes(pool.store, rate=FAST)


def test_what_somebody_waits_for_goes_before_a_thousand_new_accounts(pool: Pool, due: DueRefreshes) -> None:
    pool.fill(web("z-one"), web("z-two"))
    served = pool.leases.acquire(KIMI)
    pool.configure(web("z-one"), web("z-two"), *map(web, numbered(200)))
    assert pool.leases.reject(served)
    (other,) = {"z-one", "z-two"} - {served.account.name}
    Interventions(pool.store).hurry(other)
    taken = names(due.take(3, Room(9)))
    assert {taken[0], taken[2]} == {"z-one", "z-two"}, "of two picks one"


def test_new_accounts_and_overdue_ones_take_turns(pool: Pool, due: DueRefreshes) -> None:
    overdue(pool, numbered(50, "old"))
    pool.members.sync([ConfiguredAccount(web(name), name) for name in numbered(50, "new")], "operator")
    taken = names(due.take(20, ANY))
    assert sorted(name[:3] for name in taken) == ["new"] * 10 + ["old"] * 10
    assert [name for name in taken if name.startswith("old")] == numbered(10, "old")
    rest = [name for _ in range(6) for name in names(due.take(PLENTY, ANY))]
    assert len(rest) == 80
    assert not set(rest) & set(taken)


def test_among_new_ones_no_kind_waits_for_all_of_another(pool: Pool, due: DueRefreshes) -> None:
    pool.configure(*map(web, numbered(100, "a") + numbered(100, "z")))
    first = set[str]()
    for _ in range(12):
        pool.clock.now += 0.1
        first |= {name[0] for name in names(due.take(2, ANY))}
    assert first == {"a", "z"}


def test_a_line_that_is_always_the_most_overdue_leaves_others_their_turn(pool: Pool) -> None:
    overdue(pool, numbered(10, "q"))
    behind(pool, 500)
    taken = [name for _ in range(10) for name in names(due_again(pool).take(4, ANY))]
    others = [name for name in taken if name.startswith("q")]
    assert others == numbered(len(others), "q")
    assert len(others) > 5, "by chance: every other pick is of any line"
    assert len(taken) == 40


@pytest.mark.parametrize("told", [300, 100, 0])
def test_lines_that_fail_at_once_leave_the_rate_to_those_that_answer(pool: Pool, told: int) -> None:
    """However many they are, and however few of them are known to fail: three quarters are enough for good ones."""
    bad = [f"bad {number}" for number in range(300)]
    entered(pool, {f"{line}-{number}": line for line in bad for number in range(3)}, 1000)
    overdue(pool, numbered(200, "q"))
    for _ in range(50):
        due_again(pool).take(1, Room(0))  # and all stand in their queues
    room = Room(96, {web("q").line: (96, LineState.ANSWERS)} | dict.fromkeys(bad[:told], (96, LineState.FAILS)))
    taken = [name for _ in range(40) for name in names(due_again(pool).take(3, room))]
    assert len([name for name in taken if name.startswith("q")]) > 85
    assert len(taken) == 120, "and no pick is wasted"


def test_lines_that_fail_have_all_the_rate_where_nobody_else_is_due(pool: Pool, due: DueRefreshes) -> None:
    line = behind(pool, 40)
    assert len(due.take(20, Room(96, {line: (96, LineState.FAILS)})).locks) == 20


def test_those_that_somebody_waits_for_have_half_of_all_picks_where_others_are_due(pool: Pool) -> None:
    line = behind(pool, 300, score=-1)
    entered(pool, dict.fromkeys(numbered(300, "q"), line), 2000)
    taken = [name for _ in range(100) for name in names(due_again(pool).take(1, ANY))]
    assert [name[0] for name in taken] == ["p", "q"] * 50, "also along one line, and one at a time"


def test_of_those_that_somebody_waits_for_the_first_one_goes_first(pool: Pool, due: DueRefreshes) -> None:
    pool.fill(*map(web, ("c", "b", "a")))
    for name in ("c", "a", "b", "c"):
        pool.clock.now += 0.01
        Interventions(pool.store).hurry(name)
    assert names(due.take(9, ANY)) == ["c", "a", "b"]


def test_who_is_asked_for_stands_behind_no_others_that_have_no_room(pool: Pool, due: DueRefreshes) -> None:
    line = behind(pool, 200, score=-9.99e14)
    pool.configure(web("z"))
    entered(pool, dict.fromkeys(numbered(1000, "q"), "a line"), 0)
    room = Room(9, {line: (0, LineState.SILENT)})
    assert "z" not in names(due.take(1, room))
    pool.clock.now += 0.1
    Interventions(pool.store).hurry("z")
    assert names(due.take(1, room)) == ["z"]


def test_whoever_is_asked_for_is_found_in_turn(pool: Pool, due: DueRefreshes) -> None:
    """As one whose lock was held as he came, where hundreds stand before and behind him."""
    line = behind(pool, 400, score=-9)
    entered(pool, dict.fromkeys(numbered(400, "r"), line), -2)
    entered(pool, dict.fromkeys(numbered(10_000, "q"), line), 0)
    entered(pool, {"z": "a line"}, -5)
    assert "z" in [name for _ in range(25) for name in names(due.take(9, Room(9, {line: (0, LineState.SILENT)})))]


def test_who_is_waited_for_goes_first_also_where_others_of_his_line_stood_in_the_queue(
    pool: Pool, due: DueRefreshes
) -> None:
    behind(pool, 5)
    entered(pool, dict.fromkeys(numbered(5, "q"), "a line"), 2000)
    assert names(due.take(1, Room(9, {"a line": (0, LineState.ANSWERS)}))) == ["p0000"]
    entered(pool, {"q0003": "a line"}, -1)
    assert names(due.take(1, ANY)) == ["q0003"]


@pytest.mark.parametrize("lines", [3, 8])
def test_of_several_lines_that_are_more_overdue_none_keeps_others_from_their_turn(pool: Pool, lines: int) -> None:
    for number in range(lines):
        entered(pool, dict.fromkeys(numbered(500, f"{number}-"), f"line {number}"), 1000 + number)
    overdue(pool, numbered(100, "q"))
    taken = [name for _ in range(100) for name in names(due_again(pool).take(3, ANY))]
    assert len([name for name in taken if name.startswith("q")]) > 300 / (lines + 1) / 4


def test_who_is_due_no_longer_is_not_in_the_way_of_others(pool: Pool) -> None:
    """As where the operator takes out thousands that waited behind a proxy."""
    behind(pool, 2000)
    overdue(pool, numbered(20, "q"))
    for _ in range(100):
        due_again(pool).take(1, Room(0))
    pool.store.redis.zrem(pool.store.key("refresh"), *numbered(2000, "p"))
    taken = [names(due_again(pool).take(3, ANY)) for _ in range(20)]
    assert [name for those in taken[:5] for name in those] == numbered(15, "q")
    assert list(pool.store.redis.scan_iter(pool.store.key("due", "old*"))) == []


def test_the_first_of_a_line_keeps_its_turn_where_others_of_the_line_are_found_behind_it(
    pool: Pool, due: DueRefreshes
) -> None:
    line = behind(pool, 1)
    overdue(pool, ["q"])
    pool.clock.now += 1
    entered(pool, dict.fromkeys(numbered(1000, "r"), line), pool.clock.now * 1000)
    assert names(due.take(1, ANY)) == ["p0000"]


def test_among_new_ones_nobody_keeps_a_bad_place(pool: Pool) -> None:
    pool.configure(*map(web, numbered(40)))
    places = set[float]()
    for _ in range(5):
        due_again(pool).take(1, Room(0))
        places.add(pool.store.redis.zscore(pool.store.key("due", "new", web("a").line), "a0000"))
    assert len(places) > 1
