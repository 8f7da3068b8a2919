"""The simulator, and an account of the kind that a test names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kimi.accounts import Account, Kind
from kimi.http import Endpoints, Transport
from tests.kimi.dialects.bench import Bench
from tests.simulator.running import Simulator


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def transport() -> Transport:
    return Transport()


@pytest.fixture
def bench(running: Simulator, transport: Transport, kind: Kind) -> Iterator[Bench]:
    running.reset()
    minted = running.mint(kind=kind.value, name="alice")
    endpoints = Endpoints(running.url, running.url, running.url, f"{running.url}/v1")
    secret = minted["api_key"] if kind is Kind.MOONSHOT else minted["refresh_token"]
    made = Bench(running, transport, endpoints, Account(name="alice", kind=kind), secret)
    made.log_in()
    yield made
    transport.close()  # its connections; the next test opens new ones
