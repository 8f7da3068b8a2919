"""Promise 8: leftovers are swept."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import Kind
from kimi.pool.store import PREFIX
from tests.faults.houses import MODELS, House, ask, house
from tests.faults.table import Ledger
from tests.system.stack import Stack
from tests.system.traffic import Traffic

PROMISE = 8
STREAMS = 4
HELD_SECONDS = 61
"""A minute, and what a test takes to look."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two gateways of two workers each."""
    with house(tmp_path_factory.mktemp("leftovers"), kimi=STREAMS, kimi_classic=STREAMS) as home:
        yield home


def pass_time(home: House, key: str) -> float:
    """As if all that stands in a sorted set by its time were due now; for how many seconds the last was not."""
    client: Any = home.redis
    ends: dict[str, float] = dict(client.zrange(f"{PREFIX}{key}", 0, -1, withscores=True))
    client.zadd(f"{PREFIX}{key}", dict.fromkeys(ends, 1))
    return max(ends.values()) / 1000 - time.time()


def begin(home: House, clients: ExitStack, port: int) -> None:
    """Streams of both kinds that do not end by themselves."""
    home.stack.simulator.fault("stall", times=2 * STREAMS, seconds=60, texts=1, match={"endpoint": "chat"})
    for model in [MODELS[Kind.KIMI], MODELS[Kind.CLASSIC]] * STREAMS:
        client = clients.enter_context(ask(port, "hello", model=model, stream=True))
        client.recv(1)
    until(lambda: home.redis.zcard(f"{PREFIX}chats") == 2 * STREAMS, what="all their chats are noted")
    assert home.leases() == 2 * STREAMS


def test_what_killed_workers_held_is_given_back_and_their_chats_are_deleted(home: House, promise: Ledger) -> None:
    gateway = home.stack.gateway
    with ExitStack() as clients:
        begin(home, clients, gateway.port)
        dead = time.monotonic()
        victims = gateway.workers()
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        until(lambda: home.leases() == 0, seconds=HELD_SECONDS, what="no lease of the dead workers is left")
        leases = time.monotonic() - dead
        assert 0 < pass_time(home, "chats") <= HELD_SECONDS
        until(lambda: not home.stack.simulator.total("chats_alive"), what="the janitor has deleted their chats")
    until(lambda: len(set(gateway.workers()) - set(victims)) == 2, what="new workers are there")
    gateway.wait_ready()
    promise.tried(
        2 * STREAMS,
        f"streams of workers killed with SIGKILL: leases gone after {leases:.1f} s, chats deleted by the refresher",
    )


def test_leases_of_a_killed_gateway_end_within_a_minute(home: House, promise: Ledger) -> None:
    gateway = home.stack.gateways[1]
    with ExitStack() as clients:
        begin(home, clients, gateway.port)
        workers = gateway.workers()
        gateway.kill()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        assert home.leases() == 2 * STREAMS
        left = pass_time(home, "leases")
        assert left <= HELD_SECONDS
        pass_time(home, "chats")
        gateway.start()
        gateway.wait_ready()
        until(lambda: home.leases() == 0, what="expired leases are given back")
    promise.tried(2 * STREAMS, f"leases of a gateway killed with SIGKILL: none had more than {left:.0f} s to live")


def deletions(home: House) -> int:
    """How often the upstream was asked to delete a chat."""
    accounts = home.stack.simulator.state()["accounts"].values()
    return sum(account["calls"].get("delete", 0) for account in accounts)


def test_chats_whose_deletion_fails_are_deleted_later(home: House, promise: Ledger) -> None:
    simulator, chats = home.stack.simulator, 2 * STREAMS
    before = deletions(home)
    simulator.fault("http", times=None, status=503, match={"endpoint": "delete"})
    for number in range(chats):
        model = MODELS[Kind.KIMI if number % 2 else Kind.CLASSIC]
        assert home.stack.chat(model=model, url=home.url).status_code == 200
    until(
        lambda: deletions(home) >= before + 3 * chats,
        what="the gateways have tried in vain, and left them to the refresher",
    )
    assert simulator.total("chats_alive") == chats
    simulator.forget_faults()
    pass_time(home, "chats")
    until(lambda: not simulator.total("chats_alive"), seconds=60, what="all of them are deleted")
    promise.tried(chats, "chats whose deletion failed at first: deleted later")


def shape(home: House) -> Counter[str]:
    """How many keys there are of each type, and how much is in them."""
    found: Counter[str] = Counter()
    client: Any = home.redis
    sizes = {"zset": client.zcard, "set": client.scard, "hash": client.hlen, "list": client.llen}
    for key in client.scan_iter(f"{PREFIX}*", count=1000):
        if client.ttl(key) == -1 and key != f"{PREFIX}drift":  # what is new in Kimi's answers is counted by its name
            kind = client.type(key)
            found["keys"] += 1
            found[f"in {kind}s"] += sizes[kind](key) if kind in sizes else 1
    return found


def test_traffic_leaves_redis_as_it_was(home: House, promise: Ledger) -> None:
    def run(requests: int) -> Counter[str]:
        with Traffic(home.stack, clients=3 * STREAMS, pause=0, url=home.url).running() as traffic:
            until(lambda: traffic.good >= requests, seconds=60)
        assert traffic.bad == {}
        until(lambda: not home.stack.simulator.total("chats_alive"), seconds=60)
        until(lambda: not home.redis.zcard(f"{PREFIX}chats") and not home.leases(), what="all of it is noted")
        return shape(home)

    before = run(100)
    after = run(300)
    until(lambda: shape(home) == before, what=f"Redis holds as much as before: {before}, not {after}")
    promise.tried(300, f"requests after which Redis holds as much as before: {after['keys']} lasting keys")


def test_chats_can_be_kept(promise: Ledger, tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = Stack(tmp_path_factory.mktemp("kept"), env={"KIMI_DELETE_CHATS": "0"}, workers=1)
    try:
        stack.start(kimi=1, kimi_classic=1)
        for model in (MODELS[Kind.KIMI], MODELS[Kind.CLASSIC]):
            assert stack.chat(model=model).status_code == 200
        moment = time.monotonic() + 3
        until(lambda: time.monotonic() > moment, what="some seconds for mistakes")
        assert (stack.simulator.total("chats_alive"), stack.simulator.total("chats_deleted")) == (2, 0)
    finally:
        stack.stop()
    promise.tried(2, "chats with KIMI_DELETE_CHATS=0: kept")
