"""A pool on a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kimi.pool.pools import Pool, turned


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    """A pool whose clock the test turns."""
    with turned(redis_url) as pool:
        yield pool
