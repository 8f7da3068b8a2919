"""Promise 7: Redis may die, hang, or be cut off."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from devtools.waiting import until
from tests.faults.houses import House, house
from tests.faults.proxy import Proxy
from tests.faults.table import Ledger
from tests.system.stack import Gateway
from tests.system.traffic import Traffic

Outage = Callable[[House, Proxy], AbstractContextManager[None]]

PROMISE = 7
ACCOUNTS = 8
WORKERS = 2
BACK_SECONDS = 5.0
LATENCY = 0.05
"""Seconds, each way: a command takes twice as long."""
RESETS = 10
REQUESTS = 60
"""Served in each state, before what they take is compared."""


@pytest.fixture
def way() -> Iterator[Proxy]:
    """The way from the gateways to Redis."""
    with Proxy([]) as way:
        yield way


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, way: Proxy) -> Iterator[House]:
    """Two gateways of two workers each, which reach Redis by the proxy and have all accounts in memory."""
    with house(tmp_path_factory.mktemp("redis"), workers=WORKERS, redis_proxy=way, kimi=ACCOUNTS) as home:
        before = {gateway.name: looks(gateway) for gateway in home.stack.gateways}
        until(
            lambda: all(looks(gateway) > before[gateway.name] + WORKERS for gateway in home.stack.gateways),
            what="every worker has looked at the accounts since they are fresh",
        )
        yield home


@contextmanager
def killed(home: House, _way: Proxy) -> Iterator[None]:
    home.stack.valkey.kill()
    try:
        yield
    finally:
        home.stack.valkey.start()


def hanging(home: House, _way: Proxy) -> AbstractContextManager[None]:
    return home.stack.valkey.silent()


@contextmanager
def cut_off(_home: House, way: Proxy) -> Iterator[None]:
    way.freeze()
    try:
        yield
    finally:
        way.heal()


@contextmanager
def refusing(home: House, _way: Proxy) -> Iterator[None]:
    home.redis.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        home.redis.config_set("min-replicas-to-write", "0")


OUTAGES = (killed, hanging, cut_off, refusing)


def looks(gateway: Gateway) -> float:
    """How often the workers have asked what has changed about the accounts; each does it once a second."""
    (line,) = re.findall(r"^kimi_gateway_store_seconds_count (\S+)$", gateway.metrics(), re.MULTILINE)
    return float(line)


def says(gateway: Gateway, redis: str) -> dict[str, Any]:
    """What `/readyz` says once ten answers in a row, of whichever worker, agree about Redis."""
    last: dict[str, Any] = {}

    def agreed() -> bool:
        for _ in range(10):
            answer = gateway.readyz()
            if answer is None or answer.json()["redis"] != redis:
                return False
            last.update(answer.json(), status=answer.status_code)
        return True

    until(agreed, seconds=BACK_SECONDS, what=f"{gateway.name} says that Redis is {redis}")
    return last


def served(traffic: Traffic, count: int) -> float:
    """The median of what the next so many requests take, in seconds."""
    first = len(traffic.good_seconds)
    until(lambda: len(traffic.good_seconds) >= first + count, seconds=30, what=f"{count} requests")
    return statistics.median(traffic.good_seconds[first:])


def test_whatever_happens_to_redis_requests_go_on(
    home: House, way: Proxy, promise: Ledger, subtests: pytest.Subtests
) -> None:
    for outage in OUTAGES:
        with subtests.test(outage=outage.__name__):
            _go_on_from_memory(home, way, promise, outage)
    for trouble in (_a_slow_way_costs_no_request, _connections_that_are_reset_cost_no_request):
        with subtests.test(trouble=trouble.__name__):
            trouble(home, way, promise)


def _go_on_from_memory(home: House, way: Proxy, promise: Ledger, outage: Outage) -> None:
    with Traffic(home.stack, clients=4, pause=0.02, url=home.url).running() as traffic:
        before = served(traffic, REQUESTS)
        with outage(home, way):
            for gateway in home.stack.gateways:
                state = says(gateway, "away")
                assert (state["status"], state["ready"], state["usable_accounts"]) == (200, True, ACCOUNTS)
            during = served(traffic, REQUESTS)
        for gateway in home.stack.gateways:
            assert says(gateway, "up")["ready"]
        served(traffic, REQUESTS)
    assert traffic.bad == {}
    added = 1000 * (during - before)
    assert added < 250, "generous, for machines that do other things as well"
    promise.tried(
        traffic.good,
        f"requests with Redis {outage.__name__.replace('_', ' ')} meanwhile; from memory they took {added:+.1f} ms "
        f"(median), the slowest of all {traffic.worst_seconds:.2f} s; all was back within {BACK_SECONDS:g} s",
    )


def _a_slow_way_costs_no_request(home: House, way: Proxy, promise: Ledger) -> None:
    with Traffic(home.stack, clients=4, pause=0.02, url=home.url).running() as traffic:
        served(traffic, 20)
        way.delay(LATENCY)
        try:
            served(traffic, REQUESTS)
            for gateway in home.stack.gateways:
                assert says(gateway, "up")["ready"]
        finally:
            way.heal()
        served(traffic, 20)
    assert traffic.bad == {}
    promise.tried(traffic.good, f"requests while every way to Redis takes {1000 * LATENCY:.0f} ms longer")


def _connections_that_are_reset_cost_no_request(home: House, way: Proxy, promise: Ledger) -> None:
    with Traffic(home.stack, clients=4, pause=0.02, url=home.url).running() as traffic:
        for _ in range(RESETS):
            served(traffic, 20)
            way.reset()
        for gateway in home.stack.gateways:
            assert says(gateway, "up")["ready"]
    assert traffic.bad == {}
    promise.tried(RESETS, "resets of all connections to Redis under traffic")
