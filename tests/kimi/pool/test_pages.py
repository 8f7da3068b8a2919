"""Nothing touches all accounts at once: no command reads, and no script looks at, more than about a page of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pytest

import kimi.pool
from kimi.alerts.ledger import Entry
from kimi.alerts.notes import Rule
from kimi.alerts.sight import Sight
from kimi.operating.accounts import Accounts
from kimi.pool import Leases, Members, Store
from kimi.pool.activity import Activities
from kimi.pool.alerts import AlertBook
from kimi.pool.canary import Canary
from kimi.pool.census import Census
from kimi.pool.changes import Changes
from kimi.pool.counts import Counts, Courier
from kimi.pool.due import DueRefreshes, LineState, Room
from kimi.pool.extent import Extents
from kimi.pool.figures import Figures
from kimi.pool.health import Health
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.resealing import Resealing
from tests.kimi.pool.pools import KIMI, Pool, present, web

ACCOUNTS: Final = 1_200
MOST: Final = 1_100
"""A page of names is 1,000; what is scanned may come with some more."""
MOST_ACCOUNTS: Final = 260
"""Whose records one script looks at: a page, and some that are leased beside it."""
READS: Final = ("SMEMBERS", "HGETALL", "HKEYS", "HVALS", "KEYS", "LRANGE", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE")


@pytest.fixture
def large(redis_url: str) -> Iterator[Pool]:
    """A pool that is larger than any page, in which all is as much as it can be."""
    names = [f"a{number:04}" for number in range(ACCOUNTS)]
    with present(redis_url) as pool:
        pool.configure(*map(web, names))
        pool.freshen(names[0])
        counts = Counts()
        for name in names:
            counts.asked(name, failed=False)
        Courier(pool.store, counts).deliver()
        book = AlertBook(pool.store)
        book.hold("w", 60)
        assert book.write("w", [Entry(rule=Rule.DEAD, subject=name, since=1.0) for name in names], [], [])
        pool.store.redis.zadd(pool.store.key("leases"), {f"w.{name}:{name}": 4e12 for name in names})
        yield pool


def _changes(store: Store) -> None:
    changes, number = Changes(store), 0
    while (batch := changes.since(number)).number < batch.latest:
        number = batch.number
    changes.since(0, {"a0001"})


def _leases(store: Store) -> None:
    leases = Leases(store)
    lease = leases.acquire(KIMI)
    leases.renew([lease])
    leases.release(lease, served=True)
    leases.look(["kimi"])
    leases.abandon("somebody")


def _take_due(store: Store) -> None:
    refreshes, line = DueRefreshes(store, rate=1000), web("a0000").line
    for room in (Room(96), *(Room(96, {line: (0, known)}) for known in LineState)):
        refreshes.take(128, room)


OPERATIONS: Final[tuple[Callable[[Store], object], ...]] = (
    lambda store: Members(store).all(),
    lambda store: Members(store).summary(),
    lambda store: Members(store).holding(["f"]),
    _changes,
    _leases,
    _take_due,
    lambda store: (Extents(store).measure(), Extents(store).rare(1_000)),
    lambda store: (Activities(store).names(), Activities(store).since(0)),
    lambda store: (Figures(store).changed_since(0), Figures(store).tallies()),
    lambda store: Health(store).pool(),
    lambda store: Census(store, clock=store.now).count(),
    lambda store: Canary(store).check(),
    lambda store: Canary(store).look_at_served(),
    lambda store: Resealing(store).status(),
    lambda store: AlertBook(store).entries(),
    lambda store: Sight(Changes(store), Members(store), Extents(store), Heartbeats(store), clock=store.now).look(),
    lambda store: Accounts(store).export(),
)


def test_no_command_reads_and_no_script_looks_at_more_than_a_page(large: Pool) -> None:
    store = large.store
    with store.redis.monitor() as monitor:
        for operation in OPERATIONS:
            operation(store)
        store.redis.echo("over")
        heard = _until_over(monitor)
    assert len(heard) > ACCOUNTS
    read = {line for _, line in heard if line.split(" ", 1)[0].upper() in READS}
    assert any(line.startswith("ZRANGEBYSCORE") for line in read), "those of scripts are heard as well"
    longest = {line: _length(store, line) for line in read}
    assert {line: length for line, length in longest.items() if length > MOST} == {}
    for is_script, lines in groupby(heard, key=lambda each: each[0] == "lua"):
        looked_at = {name for _, line in lines for name in re.findall(r":account:(\S+)", line)}
        assert not is_script or len(looked_at) <= MOST_ACCOUNTS
    assert all(len(line.split()) <= MOST for _, line in heard if not line.startswith("EVAL "))


def _until_over(monitor: Any) -> list[tuple[str, str]]:
    """Who sent it ("lua" is a script), and what."""
    heard = []
    while (command := monitor.next_command())["command"].upper() != "ECHO OVER":
        heard.append((command["client_type"], command["command"]))
    return heard


def _length(store: Store, line: str) -> int:
    """How much such a command would be told now."""
    return len(store.redis.execute_command(*line.split(" ")))


# What reads all of a key, and why that is never many.
LUA: Final = {
    "SMEMBERS key('routes')": "as many as there are models",
    "HGETALL sums": "as many as there are states",
    "HGETALL book": "no more than it is cut back to",
    "ZREVRANGE key('route', route, 'priorities')": "those that the operator uses",
    "ZRANGE key('route', route, 'priorities')": "the same",
    "ZREVRANGE key('refreshers')": "those that live, and that have not been silent for long",
}
PYTHON: Final = {
    'hgetall("account", name)': "one account",
    'hgetall("figures", str(step), str(number))': "the fields of a step",
    'hgetall("drift")': "no more than it is cut back to",
    'zrange("releases")': "processes that live, for an operator",
    'smembers("routes")': "as many as there are models",
    'smembers("route", route, "members")': "no more than were counted before",
}


def test_whatever_reads_all_of_a_key_says_why_that_is_never_many() -> None:
    lua, python = set(), set()
    folder = Path(str(resources.files(kimi.pool)))
    for file in folder.rglob("*.lua"):
        text = file.read_text("utf-8")
        for reads in (
            r"'(SMEMBERS|HGETALL|HKEYS|HVALS)', (key\(.*?\)|\w+)\)",
            r"'(\w*RANGE)', (key\(.*?\)|\w+), 0, -1",
        ):
            lua |= {" ".join(found) for found in re.findall(reads, text)}
        assert not re.search(r"'(KEYS|SORT|SUNION|SINTER|SDIFF|ZUNION|ZINTER)'", text), file
    for file in folder.rglob("*.py"):
        text = file.read_text("utf-8")
        found = re.findall(
            r"\.(smembers|hgetall|hkeys|hvals|keys|sort)\((?:self\._)?store\.key\(((?:[^()]|\([^()]*\))*)\)", text
        )
        python |= {f"{command}({key})" for command, key in found}
        assert len(re.findall(r"\.(?:smembers|hgetall|hkeys|hvals)\(", text)) == len(found), file
        ranges = re.findall(r"\.(zrange|zrevrange|lrange)\((?:self\._)?store\.key\((.*?)\), 0, -1\b", text)
        assert len(re.findall(r"\.(?:zrange|zrevrange|lrange)\([^\n]*, 0, -1\b", text)) == len(ranges), file
        python |= {f"{command}({key})" for command, key in ranges}
    assert lua == LUA.keys()
    assert python == PYTHON.keys()
