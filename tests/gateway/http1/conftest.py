from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.http1 import Client


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(connect_timeout=5)
    yield client
    client.close()
