"""One simulator for all of these tests, as it was at its start for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.clients import Client
from tests.simulator.running import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def kimi(running: Simulator) -> Iterator[Simulator]:
    running.reset()
    yield running
    running.hang_up()


@pytest.fixture
def web(kimi: Simulator) -> Client:
    """A `kimi` account that is logged in."""
    return Client(kimi, kimi.mint(kind="kimi", name="web")).log_in()


@pytest.fixture
def classic(kimi: Simulator) -> Client:
    """A `kimi-classic` account that is logged in."""
    return Client(kimi, kimi.mint(kind="kimi-classic", name="classic")).classic_log_in()


@pytest.fixture
def official(kimi: Simulator) -> Client:
    """A `moonshot` account."""
    return Client(kimi, kimi.mint(kind="moonshot", name="official"))
