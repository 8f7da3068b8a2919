"""What is told of writes that have to be on disk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.disk import rewrite, until_on_disk
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


def on_disk(valkey: Valkey) -> bytes:
    with connect(valkey.url) as redis:
        folder = Path(redis.config_get("dir")["dir"]) / "appendonlydir"
    found = b""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # it was replaced just now
            found += path.read_bytes()
    return found


def test_what_was_replaced_leaves_the_disk(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        store = Store(redis)
        redis.set("a", "the-old-word")
        redis.set("a", "the-new-word")
        assert until_on_disk(store) and b"the-old-word" in on_disk(own_valkey)
        assert rewrite(store)
        until(lambda: b"the-old-word" not in on_disk(own_valkey), seconds=10, what="the file is written anew")
        assert b"the-new-word" in on_disk(own_valkey)


def test_who_may_not_have_it_written_anew_is_told(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        assert not rewrite(Store(redis))


def test_where_there_is_no_file_there_is_nothing_to_do(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        redis.config_set("appendonly", "no")
        redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        assert rewrite(Store(redis))
