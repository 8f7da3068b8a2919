from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gateway.seal_watch import LOOK_SECONDS, SealWatch
from kimi.errors import StoreUnavailable
from kimi.pool.canary import Canary
from kimi.sealing_keys import new_key
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import Pool, turned
from tests.kimi.pool.sealing import with_keys


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    with turned(redis_url) as pool:
        yield pool


def test_who_was_forgotten_when_the_keys_changed_knows_and_says_it_once(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    clock, old, new = Clock(0.0), new_key(), new_key()
    watch = SealWatch(Canary(with_keys(pool, old).store).look, monotonic=clock)

    def seen() -> bool:
        clock.now += LOOK_SECONDS
        watch.check()
        return watch.is_shut_out

    with caplog.at_level(logging.INFO):
        assert not seen()
        Canary(with_keys(pool, new).store).keep()
        watch.check()
        assert not watch.is_shut_out, "it is not time yet"
        assert [seen(), seen()] == [True, True]
        pool.store.redis.flushall()
        assert not seen()
    first, second = caplog.messages
    assert first.startswith("no key of TOKEN_ENCRYPTION_KEYS opens what Redis holds")
    assert second == "what Redis holds can be opened again"


def test_while_redis_is_away_stands_what_was_seen_last(pool: Pool) -> None:
    clock, canary = Clock(0.0), Canary(with_keys(pool, new_key()).store)
    Canary(with_keys(pool, new_key()).store).keep()
    is_away = False

    def look() -> bool:
        if is_away:
            raise StoreUnavailable
        return canary.look()

    watch = SealWatch(look, monotonic=clock)
    watch.check()
    assert watch.is_shut_out
    is_away = True
    clock.now += LOOK_SECONDS
    watch.check()
    assert watch.is_shut_out
