"""Which refreshers live."""

from __future__ import annotations

import pytest

from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.heartbeats import FORGOTTEN_SECONDS, Heartbeats, Pulse
from tests.kimi.pool.pools import Pool


def test_each_is_known_by_the_time_since_it_was_last_heard_of(pool: Pool) -> None:
    heartbeats = Heartbeats(pool.store)
    assert heartbeats.seen() == {}
    heartbeats.beat("a")
    pool.clock.now += 1.5
    heartbeats.beat("b")
    pool.clock.now += 2
    heartbeats.beat("b")

    assert list(heartbeats.seen().items()) == [("b", 0.0), ("a", 3.5)]


def test_who_is_long_silent_is_forgotten_by_who_lives_but_the_last_of_all_is_not(pool: Pool) -> None:
    heartbeats = Heartbeats(pool.store)
    heartbeats.beat("a")
    pool.clock.now += 10 * FORGOTTEN_SECONDS
    assert heartbeats.seen() == {"a": 10 * FORGOTTEN_SECONDS}

    heartbeats.beat("b")

    assert heartbeats.seen() == {"b": 0.0}


def test_who_stops_is_forgotten_at_once_but_the_last_of_all_is_not(pool: Pool) -> None:
    heartbeats = Heartbeats(pool.store)
    heartbeats.beat("a")
    heartbeats.beat("b")
    heartbeats.leave("a")
    assert heartbeats.seen() == {"b": 0.0}
    heartbeats.leave("b")
    heartbeats.leave("nobody")
    assert heartbeats.seen() == {"b": 0.0}


def test_ages_are_by_the_clock_of_redis_where_no_other_is_given(redis_url: str) -> None:
    with connect(redis_url) as redis:
        heartbeats = Heartbeats(Store(redis))
        heartbeats.beat("a")

        assert 0 <= heartbeats.seen()["a"] < 60


def test_a_pulse_beats_no_more_often_than_it_has_to(pool: Pool) -> None:
    pulse = Pulse(Heartbeats(pool.store), "a", clock=pool.clock, every=2.0)
    ages = []
    for _ in range(5):
        pulse.check()
        ages.append(Heartbeats(pool.store).seen()["a"])
        pool.clock.now += 1

    assert ages == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_a_beat_that_was_lost_is_made_up_for_at_once(pool: Pool, unused_port: int) -> None:
    pulse = Pulse(Heartbeats(Store(connect(f"redis://127.0.0.1:{unused_port}"))), "a", clock=pool.clock, every=2.0)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            pulse.check()
