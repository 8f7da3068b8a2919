"""One house for all tests of what can be seen of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.monitoring.house import Watched


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The product, after everything that can happen has happened."""
    house = Watched(tmp_path_factory.mktemp("watched"))
    try:
        house.start()
        house.everything()
        yield house
    finally:
        house.stack.stop()
