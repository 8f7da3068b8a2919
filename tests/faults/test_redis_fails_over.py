"""Promises 1 and 7 beyond one machine: the master dies, or is put elsewhere, and another one takes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.waiting import until
from tests.faults.houses import House, house
from tests.faults.table import Ledger
from tests.system.traffic import Traffic
from tests.valkeys import Cluster, SentinelSet, Servers

PROMISE = 7
ACCOUNTS = 24
LIFETIME = 24.0
"""Seconds that an access token lives, a third of it untouched: exchanges are under way all the time."""


def kill(servers: Servers) -> None:
    """Returns when another one is the master."""
    was = servers.master
    servers.kill()
    until(lambda: servers.master is not was, what="another one is the master")


def hand_over_twice(servers: Servers) -> None:
    """In peace, the second time as soon as may be: the first one need not have heard that it is a replica now."""
    servers.hand_over()
    servers.hand_over()


ENDS: dict[str, Callable[[Any], object]] = {
    "killed": kill,
    "told to hand over, and the next one too": hand_over_twice,
}


@pytest.fixture(params=[SentinelSet, Cluster])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Two gateways and two refreshers over several servers."""
    servers: Servers = request.param(tmp_path / "servers")
    options = ["--token-lifetime", str(LIFETIME)]
    with house(tmp_path, workers=1, refreshers=2, servers=servers, simulator_options=options, kimi=ACCOUNTS) as home:
        yield home


def accounts(home: House) -> list[dict[str, str]]:
    """What Redis holds of each, once there is one to say so."""
    found: list[dict[str, str]] = []

    def is_read() -> bool:
        with suppress(redis.RedisError):
            found[:] = [home.account(f"kimi-{number}") for number in range(ACCOUNTS)]
        return bool(found)

    until(is_read, what="Redis answers")
    return found


def exchanged_anew(home: House, *, enough: int = ACCOUNTS) -> None:
    """Returns when so many accounts have been exchanged since now, which only their newest tokens make possible."""
    before = [int(account["version"]) for account in accounts(home)]
    until(
        lambda: sum(int(now["version"]) > old for now, old in zip(accounts(home), before, strict=True)) >= enough,
        seconds=60,
        what=f"{enough} accounts are exchanged anew",
    )


@pytest.mark.parametrize("end", ENDS)
def test_a_failover_amid_traffic_costs_no_request_and_no_account(home: House, promise: Ledger, end: str) -> None:
    servers: Any = home.stack.valkey
    exchanged_anew(home, enough=1)
    with Traffic(home.stack, clients=4, pause=0.02, url=home.url).running() as traffic:
        until(lambda: traffic.good > 40, what="requests are served")
        ENDS[end](servers)
        until(lambda: all(map(is_up, home.stack.gateways)), what="the gateways have found it")
        more = traffic.good + 40
        until(lambda: traffic.good > more, what="requests are served")
    exchanged_anew(home)
    with Traffic(home.stack, url=home.url).running() as later:
        until(lambda: later.good > 2 * ACCOUNTS, what="every account has had a turn with its new token")
    assert traffic.bad == later.bad == {}
    totals = home.stack.simulator.state()["totals"]
    assert (totals["reused"], totals["concurrent"]) == (0, 0), "no refresh token was lost, or shown twice"
    assert {account["state"] for account in accounts(home)} == {"active"}
    kind = "that Sentinels watch" if isinstance(servers, SentinelSet) else "of a cluster of three"
    promise.tried(
        traffic.good,
        f"requests while the master {kind} is {end} amid exchanges, the slowest {traffic.worst_seconds:.2f} s",
    )


def is_up(gateway: Any) -> bool:
    answer = gateway.readyz()
    return answer is not None and answer.json()["redis"] == "up"
