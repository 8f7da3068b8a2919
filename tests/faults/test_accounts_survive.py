"""Promise 1: no account is lost to us, whatever happens to the store and to those who refresh.

What a killed refresher loses is counted in `test_killed_refreshers.py`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
import redis

from devtools.waiting import until
from tests.faults.pools import Pool, starting
from tests.faults.table import Ledger
from tests.system.stack import Process

PROMISE = 1
STORE_KILLS = 6
ACCOUNTS = 60
LIFETIME = 4.0
"""Seconds that an access token lives. Each is refreshed when a good third of it has passed."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pool, list[Process]]]:
    """A pool with three refreshers."""
    folder = tmp_path_factory.mktemp("accounts")
    with starting(folder, ACCOUNTS, refreshers=3, access_lifetime=LIFETIME, exchange_delay=0.01) as crowd:
        yield crowd


@pytest.fixture
def pool(crowd: tuple[Pool, list[Process]]) -> Pool:
    return crowd[0]


@pytest.fixture
def living(crowd: tuple[Pool, list[Process]]) -> list[Process]:
    return crowd[1]


def test_three_refreshers_never_exchange_the_same_token(pool: Pool, promise: Ledger) -> None:
    before = pool.total("exchanged")
    until(lambda: pool.total("exchanged") >= before + 3 * ACCOUNTS, seconds=30, what="three rounds of refreshes")
    exchanged = pool.total("exchanged") - before
    assert (pool.total("reused"), pool.total("concurrent")) == (0, 0)
    promise.tried(exchanged, "exchanges by 3 refreshers at once, every token single-use")


@pytest.mark.parametrize(
    ("setting", "refusing", "healthy"),
    [("min-replicas-to-write", "1", "0"), ("maxmemory", "1", "0")],
    ids=["no replicas", "out of memory"],
)
def test_a_store_that_refuses_writes_stops_the_exchange_before_the_token_is_spent(
    pool: Pool, promise: Ledger, setting: str, refusing: str, healthy: str
) -> None:
    with redis.Redis.from_url(pool.stack.valkey.url) as client:
        client.config_set(setting, refusing)
        until(lambda: client.info("stats")["total_error_replies"] > 0, what="a write is refused")
        pool.wait(lambda: pool.fresh() == 0, why="every token has run out")
        before = pool.total("exchanges")
        end = time.monotonic() + 1.0
        until(lambda: time.monotonic() > end, what="a second for mistakes")
        assert pool.total("exchanges") == before
        client.config_set(setting, healthy)
    pool.wait_for_new_tokens()
    assert pool.total("reused") == 0
    promise.tried(ACCOUNTS, f"accounts due while the store takes no writes ({setting})")


def test_a_killed_store_has_every_token_that_was_exchanged(pool: Pool, promise: Ledger) -> None:
    for _ in range(STORE_KILLS):
        before = pool.total("exchanged")
        until(lambda before=before: pool.total("exchanged") > before + 10)  # type: ignore[misc]
        pool.stack.valkey.kill()
        pool.stack.valkey.start()
    pool.wait_for_new_tokens()
    assert pool.total("reused") == 0
    promise.tried(STORE_KILLS, "Valkey killed with SIGKILL amid exchanges and started again")


def test_a_refresher_that_slept_longer_than_its_locks_loses_nothing(
    pool: Pool, living: list[Process], promise: Ledger
) -> None:
    pool.stack.simulator.settings(exchange_delay=3.0)
    until(lambda: pool.exchanging() > 25, what="so many exchanges are under way that each refresher has some")
    living[0].send(signal.SIGSTOP)
    pool.stack.simulator.settings(exchange_delay=0.01)
    try:
        until(lambda: pool.total("reused") > 0, what="others have tried a token that the sleeper had spent")
    finally:
        living[0].send(signal.SIGCONT)
    pool.wait_for_new_tokens("the sleeper's answers are stored, and every account goes on")
    promise.tried(1, "refresher stopped with SIGSTOP amid exchanges, for longer than its locks last")
