"""What is told of writes that have to be on disk."""

from __future__ import annotations

import pytest

from kimi.pool import Store, connect
from kimi.pool.disk import until_on_disk
from tests.kimi.pool.pools import Pool, web
from tests.valkey import Valkey


def test_what_was_written_is_on_disk(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    pool.configure(web("a"))
    assert until_on_disk(pool.store)
    assert caplog.text == ""


def test_a_server_without_a_disk_is_told(own_valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    with connect(own_valkey.url) as redis:
        redis.config_set("appendonly", "no")
        assert not until_on_disk(Store(redis))
    assert "appendonly yes" in caplog.text
