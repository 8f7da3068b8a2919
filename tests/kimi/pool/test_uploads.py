from __future__ import annotations

import pytest

from kimi.chat import Upload
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.uploads import Uploads
from tests.kimi.pool.pools import Pool

REPORT = Upload("f1", "年报.pdf", 9, "application/pdf", False, {"id": "f1", "size": 9})


@pytest.fixture
def uploads(pool: Pool) -> Uploads:
    return Uploads(pool.store, 60)


def test_what_an_account_has_uploaded_is_known_of_that_account(uploads: Uploads) -> None:
    uploads.keep("alice", "d1", REPORT)
    assert uploads.known("alice", ["d0", "d1"]) == {"d1": REPORT}
    assert uploads.known("bob", ["d1"]) == {}
    assert uploads.known("alice", []) == {}


def test_it_is_forgotten_by_itself(uploads: Uploads, pool: Pool) -> None:
    uploads.keep("alice", "d1", REPORT)
    assert 0 < pool.store.redis.pttl(pool.store.key("upload", "alice", "d1")) <= 60_000


def test_what_is_not_there_any_more_can_be_forgotten(uploads: Uploads) -> None:
    for digest in ("d1", "d2"):
        uploads.keep("alice", digest, REPORT)
    uploads.forget("alice", ["d1"])
    uploads.forget("alice", [])
    assert uploads.known("alice", ["d1", "d2"]).keys() == {"d2"}


def test_reuse_can_be_switched_off(pool: Pool) -> None:
    off = Uploads(pool.store, 0)
    off.keep("alice", "d1", REPORT)
    assert off.known("alice", ["d1"]) == {}
    assert pool.store.redis.keys("*") == []


def test_without_redis_nothing_is_known(unused_port: int) -> None:
    with connect(f"redis://127.0.0.1:{unused_port}") as redis, pytest.raises(StoreUnavailable):
        Uploads(Store(redis), 60).known("alice", ["d1"])
