"""What is seen of a Redis before anything of ours runs on it."""

from __future__ import annotations

from devtools.pools import origins
from kimi.accounts import Origin
from kimi.pool import Store, connect
from tests.kimi.pool.pools import Clock, Pool, web


def test_only_the_pool_that_is_named_is_looked_into(redis_url: str) -> None:
    with Store(connect(redis_url, "other"), "other") as store:
        Pool(store, Clock()).configure(web("a"))
    assert origins(redis_url, {}) == {}
    assert origins(redis_url, {"KIMI_POOL": "other"}) == {Origin.FILE: 1}


def test_a_name_that_no_pool_has_is_left_to_the_processes(redis_url: str) -> None:
    assert origins(redis_url, {"KIMI_POOL": "a b"}) == {}
