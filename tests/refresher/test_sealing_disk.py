"""What stands on Redis's disk once a refresher has sealed what was in plain text."""

from __future__ import annotations

from structlog.testing import capture_logs

from devtools.waiting import until
from kimi.sealing_keys import new_key
from refresher.sealing import YIELD_SECONDS, Sealing
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool, present, web
from tests.kimi.pool.sealing import with_keys
from tests.valkey import Valkey


def started(pool: Pool) -> bool:
    """Whether a refresher with a key is at work by now, where nobody else was."""

    def wait(_seconds: float) -> None:
        pool.clock.now += YIELD_SECONDS

    return Sealing(with_keys(pool, new_key()).store, clock=pool.clock, pause=wait).start(Stop())


def test_what_stood_in_plain_text_leaves_the_disk_too(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool:
        pool.fill(web("a"))
        redis = pool.store.redis
        before = redis.info("persistence")["aof_rewrites"]
        assert started(pool)
        until(lambda: redis.info("persistence")["aof_rewrites"] > before, seconds=10, what="the file is written anew")


def test_it_is_said_where_it_stays(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool, capture_logs() as lines:
        pool.fill(web("a"))
        pool.store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        assert started(pool)
    assert [line["event"] for line in lines if line["log_level"] == "warning" and "secrets rotate" in line["event"]]
