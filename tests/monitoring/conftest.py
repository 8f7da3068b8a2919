"""One house for all tests of what can be seen of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.monitoring.house import Watched
from tests.monitoring.prometheus import Prometheus
from tests.programs import program
from tests.sharing import of_folder


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """The product, after everything that can happen has happened, while Prometheus looked on if there is one."""
    return of_folder(request, _house, tmp_path_factory)


@contextmanager
def _house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    house = Watched(tmp_path_factory.mktemp("watched"))
    with ExitStack() as undo:
        undo.callback(house.stack.stop)
        house.start()
        if shutil.which("prometheus"):
            house.prometheus = _looking_on(house, tmp_path_factory.mktemp("prometheus"), undo)
        house.everything()
        yield house


@pytest.fixture
def prometheus(house: Watched) -> Prometheus:
    """The Prometheus that looked on."""
    program("prometheus")
    assert house.prometheus is not None
    return house.prometheus


def _looking_on(house: Watched, folder: Path, undo: ExitStack) -> Prometheus:
    prometheus = Prometheus(folder, {"kimi-gateway": house.stack.gateway.port, "kimi-refresher": house.refresher_port})
    undo.callback(prometheus.stop)
    prometheus.start()
    return prometheus
