"""Accounts behind lines that are down stand aside, and are there again at once when their line is."""

from __future__ import annotations

from typing import Any

import pytest

from kimi.errors import AllBusy, UpstreamDown
from kimi.pool import Leases, Store
from tests.kimi.pool.counting import MOST, commands
from tests.kimi.pool.filling import fill, refuse
from tests.kimi.pool.pools import KIMI, Pool, web, wish

MANY = 1_000
LINES = ("http://127.0.0.1:1", "http://127.0.0.1:2")


def behind(client: Any, line: str, *names: str) -> None:
    """Puts accounts behind a line."""
    for name in names:
        client.hset(Store(client).key("account", name), "line", line)


@pytest.mark.parametrize("accounts", range(2, 10))
def test_a_line_that_answers_again_is_found_at_once(pool: Pool, accounts: int) -> None:
    members = [web(f"a{number}", proxy=f"http://127.0.0.1:{number + 1}") for number in range(accounts)]
    pool.fill(*members)
    lines = {member.line for member in members}
    for member in reversed(members):
        pool.clock.now += 1
        with pytest.raises(UpstreamDown):
            pool.leases.acquire(wish(tripped=lines))
        lease = pool.leases.acquire(wish(tripped=lines - {member.line}))
        assert lease.account == member
        pool.leases.release(lease)


def test_a_line_that_is_down_takes_nobody_elses_accounts_with_it(client: Any, leases: Leases) -> None:
    names, line = fill(client, MANY), LINES[0]
    behind(client, line, *names[: MANY // 2])
    request = wish(tripped=[line])
    taken = {leases.acquire(request).account.name for _ in range(10)}
    assert taken <= set(names[MANY // 2 :])
    later = commands(client, lambda: leases.release(leases.acquire(request)))
    assert later.total() < 50, "those of the line are not met one by one again"
    assert leases.acquire(KIMI).account.name in names[: MANY // 2], "whoever reaches the line takes them first"


@pytest.mark.parametrize(("down", "up"), [LINES, LINES[::-1]])
def test_a_line_that_answers_again_is_found_behind_many_of_one_that_does_not(
    client: Any, leases: Leases, down: str, up: str
) -> None:
    names = fill(client, 600)
    behind(client, down, *names[:590])
    behind(client, up, *names[590:])
    with pytest.raises(UpstreamDown):
        leases.acquire(wish(tripped=LINES))
    assert {leases.acquire(wish(tripped=[down])).account.name for _ in range(10)} == set(names[590:])


def test_whoever_finds_nobody_beside_many_behind_a_line_that_is_down_costs_little(client: Any, leases: Leases) -> None:
    *names, full = fill(client, MANY)
    behind(client, LINES[0], *names)
    leases.acquire(wish(only=full))

    def ask() -> None:
        with pytest.raises(AllBusy):
            leases.acquire(wish(tripped=[LINES[0]]), ticket="w.1", patience=15)

    first, second = commands(client, ask), commands(client, ask)
    assert first.total() / first["evalsha"] < MOST
    assert second["evalsha"] == 1
    assert second.total() < 50


def test_many_lines_that_are_down_cost_little(client: Any, leases: Leases) -> None:
    names = fill(client, 300)
    lines = [f"http://127.0.0.1:{number + 1}" for number in range(len(names))]
    for name, line in zip(names, lines, strict=True):
        behind(client, line, name)

    def ask() -> None:
        with pytest.raises(UpstreamDown):
            leases.acquire(wish(tripped=lines))

    ask()
    assert commands(client, ask).total() < 50
    assert leases.acquire(wish(tripped=lines[:-1])).account.name == names[-1]


def test_whoever_refuses_the_model_hides_nobody_behind_the_same_line(client: Any, leases: Leases) -> None:
    names = fill(client, 40)
    behind(client, LINES[0], *names)
    with pytest.raises(UpstreamDown):
        leases.acquire(wish(tripped=LINES))
    refuse(client, names[:-1], "k3")
    assert leases.acquire(KIMI).account.name in names
    assert leases.acquire(wish(model="k3")).account.name == names[-1]
