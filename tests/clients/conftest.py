"""The product, for clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients.product import Product, started


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One for all clients."""
    with started(tmp_path_factory.mktemp("product")) as product:
        yield product
