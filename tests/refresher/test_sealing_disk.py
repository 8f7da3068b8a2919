"""What stands on Redis's disk once a refresher has sealed what was in plain text."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from devtools.waiting import until
from kimi.pool.canary import Canary
from kimi.pool.resealing import Resealing
from kimi.pool.sealers import Sealers
from kimi.pool.seals import Resealed
from kimi.sealing_keys import new_key
from refresher.sealing import YIELD_SECONDS, Sealing
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool, present, web
from tests.kimi.pool.sealing import with_keys
from tests.valkey import Valkey


def started(pool: Pool, key: str = "") -> bool:
    """Whether a refresher with a key is at work by now, where nobody else was."""

    def wait(_seconds: float) -> None:
        pool.clock.now += YIELD_SECONDS

    store = with_keys(pool, key or new_key()).store
    return Sealing(store, Sealers(store, "refresher"), clock=pool.clock, pause=wait).start(Stop())


def test_what_stood_in_plain_text_leaves_the_disk_too(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool:
        pool.fill(web("a"))
        redis = pool.store.redis
        before = redis.info("persistence")["aof_rewrites"]
        assert started(pool)
        until(lambda: redis.info("persistence")["aof_rewrites"] > before, seconds=10, what="the file is written anew")


@pytest.mark.parametrize("forbidden", ["-bgrewriteaof", "-@dangerous"])
def test_it_is_said_where_it_stays(own_valkey: Valkey, forbidden: str) -> None:
    with present(own_valkey.url) as pool, capture_logs() as lines:
        pool.fill(web("a"))
        pool.store.redis.execute_command("ACL", "SETUSER", "default", forbidden)
        assert started(pool)
    told = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert told == ["Redis does not write its files anew, which still hold what was replaced"]


def test_one_that_was_killed_before_redis_could_be_asked_leaves_it_to_the_next(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool:
        pool.fill(web("a"))
        redis, key = pool.store.redis, new_key()
        Canary(with_keys(pool, key).store).keep()
        Resealing(with_keys(pool, key).store).seal_plain()
        before = redis.info("persistence")["aof_rewrites"]
        assert started(pool, key)
        until(lambda: redis.info("persistence")["aof_rewrites"] > before, seconds=10, what="the file is written anew")


def test_the_slow_log_of_redis_forgets_what_was_put_in_the_place_of_what(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool:
        pool.fill(web("a"))
        redis = pool.store.redis
        redis.config_set("slowlog-log-slower-than", 0)
        redis.config_set("slowlog-max-len", 10_000)
        key = new_key()
        assert started(pool, key)
        redis.config_set("slowlog-log-slower-than", -1)
        assert "refresh-a" not in str(redis.slowlog_get(10_000))
        redis.execute_command("ACL", "SETUSER", "default", "-slowlog")
        redis.hset(pool.store.key("account", "a"), "access", "access-a-3")
        sealed = Resealing(with_keys(pool, key).store).seal_plain()
        assert sealed == Resealed(changed=1), "it is sealed also where that cannot be had"
