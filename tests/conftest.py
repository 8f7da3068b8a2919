"""What tests of every package share."""

from __future__ import annotations

import gc
import logging
import os
from typing import TYPE_CHECKING

import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings

from gateway.importing import uncollected
from tests.faults.table import pytest_addoption, pytest_terminal_summary
from tests.leaks import no_greenlet_is_left, nothing_is_left
from tests.sharing import pytest_xdist_make_scheduler
from tests.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

# How fast a busy machine makes and tries its examples says nothing about them.
settings.register_profile("patient", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# For whoever looks for what a hundred examples do not show.
settings.register_profile("thorough", settings.get_profile("patient"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))

__all__ = [
    "no_greenlet_is_left",
    "nothing_is_left",
    "pytest_addoption",  # of the table of tests/faults, printed at the end of any run
    "pytest_terminal_summary",
    "pytest_xdist_make_scheduler",
]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """All that is imported and collected stays: nobody looks for garbage in it, which takes a fifth more."""
    with uncollected():
        collected = yield
        gc.freeze()
    return collected


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One server for all tests that leave it running; ask for `redis_url` or `redis_client` to have it empty."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(shared_valkey: Valkey) -> str:
    """The address of a real, empty Valkey."""
    with redis.Redis.from_url(shared_valkey.url) as client:
        client.flushall()
    return shared_valkey.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A plain client of a real, empty Valkey; answers are bytes."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Gives the test runner its own handlers back, whatever a test sets up."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A running server of the test's own, which it may stop, kill and start again; the data stays."""
    directory = tmp_path / "valkey"
    directory.mkdir()
    server = Valkey(directory)
    server.start()
    yield server
    server.stop()
