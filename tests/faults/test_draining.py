"""Promise 9: SIGTERM drains."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from devtools.waiting import until
from tests.faults.houses import House, ask, house
from tests.faults.table import Ledger
from tests.system.traffic import Traffic

PROMISE = 9
DRAIN_SECONDS = 2.0
STREAMS = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two gateways of two workers each that drain for two seconds."""
    env = {"GATEWAY_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    with house(tmp_path_factory.mktemp("draining"), env=env, kimi=2 * STREAMS) as home:
        yield home


def rest(client: socket.socket) -> str:
    """What is still to come of a streamed answer, without the framing of HTTP/1.1."""
    with client:
        data = b"".join(iter(lambda: client.recv(65536), b""))
    return re.sub(rb"\r\n0\r\n\r\n|\r\n[0-9a-f]+\r\n", b"", data).decode("utf-8")


def test_running_streams_finish_and_the_rest_is_told_so(home: House, promise: Ledger) -> None:
    gateway, simulator = home.stack.gateway, home.stack.simulator
    simulator.fault("stall", times=STREAMS, seconds=1.0, texts=3, match={"endpoint": "chat", "contains": "short"})
    simulator.fault("hang", times=STREAMS, texts=3, match={"endpoint": "chat", "contains": "endless"})
    short = [ask(gateway.port, "short", stream=True) for _ in range(STREAMS)]
    endless = [ask(gateway.port, "endless", stream=True) for _ in range(STREAMS)]
    for client in (*short, *endless):
        assert client.recv(12) == b"HTTP/1.1 200"

    told = time.monotonic()
    gateway.send(signal.SIGTERM)
    until(lambda: not gateway.ready(), seconds=0.5, what="/readyz says that it is going")
    for body in map(rest, short):
        assert '"finish_reason":"stop"' in body
        assert body.endswith("data: [DONE]\n\n")
    for body in map(rest, endless):
        *_, error, done, _ = body.split("\n\n")
        assert done == "data: [DONE]"
        assert json.loads(error.removeprefix("data: "))["error"]["code"]
        assert '"finish_reason":"' not in body
    took = time.monotonic() - told
    assert DRAIN_SECONDS - 0.5 < took < DRAIN_SECONDS + 4
    assert gateway.stop() == 0
    gateway.start()
    gateway.wait_ready()
    promise.tried(STREAMS, "streams under way at SIGTERM that end in time: finished")
    promise.tried(STREAMS, f"streams that do not: the error chunk after {took:.1f} s of {DRAIN_SECONDS:g} s")


def test_a_rolling_restart_loses_no_request(home: House, promise: Ledger) -> None:
    with Traffic(home.stack, clients=8, pause=0.01, url=home.url).running() as traffic:
        for gateway in home.stack.gateways:
            good = traffic.good
            until(lambda good=good: traffic.good > good + 30, seconds=30)  # type: ignore[misc]
            assert gateway.stop() == 0
            gateway.start()
            gateway.wait_ready()
    assert (traffic.bad, traffic.refused) == ({}, 0)
    promise.tried(traffic.good, "requests while both gateways are restarted, one after the other")
