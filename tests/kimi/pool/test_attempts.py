"""What Redis remembers of wrong keys; the pauses that they begin are in tests/gateway/test_backoff.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from kimi.pool import Store, connect
from kimi.pool.attempts import CLIENTS, OPERATORS, Attempts, Patience, Pause
from tests.kimi.pool.pools import Clock, Pool


def attempt(attempts: Attempts, bucket: str, *, counts: bool) -> Pause:
    """One in one bucket."""
    (pause,) = attempts.attempt([bucket], counts=counts)
    return pause


def test_a_clock_that_is_set_back_keeps_nobody_out(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    for _ in range(5):
        attempt(attempts, "192.0.2.1", counts=True)
    pool.clock.now -= 86_400
    assert attempt(attempts, "192.0.2.1", counts=False).seconds == 0
    assert attempt(attempts, "192.0.2.1", counts=True).seconds == 2
    assert attempt(attempts, "192.0.2.1", counts=False).seconds == 2


@pytest.mark.parametrize("patience", [OPERATORS, CLIENTS], ids=["operators", "clients"])
def test_wrong_keys_are_forgotten_so_long_after_the_first_or_the_last_pause(pool: Pool, patience: Patience) -> None:
    attempts, redis = Attempts(pool.store, patience), pool.store.redis
    assert not attempt(attempts, "192.0.2.1", counts=True).begins
    (name,) = redis.keys(f"*:wrong:{patience.whose}:*")
    whole = patience.remembered * 1000
    assert whole - 10_000 < redis.pttl(name) <= whole

    redis.pexpire(name, 50_000)
    for _ in range(patience.free - 1):
        attempt(attempts, "192.0.2.1", counts=True)
    assert redis.pttl(name) <= 50_000, "what begins nothing makes those before it no younger"
    assert attempt(attempts, "192.0.2.1", counts=True).begins
    assert whole - 10_000 < redis.pttl(name) <= whole


def test_keys_of_clients_and_of_operators_are_counted_apart(pool: Pool) -> None:
    for _ in range(5):
        attempt(Attempts(pool.store, OPERATORS), "192.0.2.1", counts=True)
    assert attempt(Attempts(pool.store, CLIENTS), "192.0.2.1", counts=True).seconds == 0


def test_guesses_at_the_same_time_at_two_replicas_are_held_as_well(redis_url: str) -> None:
    with connect(redis_url) as one, connect(redis_url) as other, ThreadPoolExecutor(20) as threads:
        replicas = [Attempts(Store(redis, clock=Clock()), CLIENTS) for redis in (one, other)]
        pauses = list(threads.map(lambda n: attempt(replicas[n % 2], "at:192.0.2.1", counts=True), range(40)))
    assert sum(pause.seconds == 0 for pause in pauses) == CLIENTS.free
    assert sum(pause.begins for pause in pauses) == 1


def test_there_are_only_so_many_buckets_and_those_that_are_there_go_on(pool: Pool) -> None:
    attempts = Attempts(pool.store, CLIENTS, most=3)
    for number in range(20):
        attempts.attempt([f"at:{number}", f"like:{number}"], counts=True)
    names = sorted(pool.store.redis.keys("*:wrong:client:*"))
    assert [name.rpartition("client:")[2] for name in names] == ["at:0", "at:1", "like:0"]
    assert [attempt(attempts, "at:0", counts=True).seconds for _ in range(10)] == [*[0] * 9, 0.5]
    assert [attempt(attempts, "at:5", counts=True).seconds for _ in range(12)] == [0] * 12
    assert 590_000 < pool.store.redis.pttl(pool.store.key("wrongs", "client")) <= 600_000
    pool.store.redis.delete(pool.store.key("wrongs", "client"))  # as it goes when its time is over
    assert [attempt(attempts, "at:5", counts=True).seconds for _ in range(11)] == [*[0] * 10, 0.5]
