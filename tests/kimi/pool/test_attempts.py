"""Who tries wrong keys, and how long nothing more counts there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from kimi.pool import Store, connect
from kimi.pool.attempts import CLIENTS, OPERATORS, Attempts, Pause
from tests.kimi.pool.pools import Clock, Pool


def attempt(attempts: Attempts, bucket: str, *, right: bool) -> Pause:
    """One in one bucket."""
    (pause,) = attempts.attempt([bucket], right=right)
    return pause


def test_pauses_begin_with_the_fifth_wrong_key_and_double_up_to_a_minute(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    pauses = []
    for _ in range(13):
        pauses.append(attempt(attempts, "192.0.2.1", right=False).seconds)
        pool.clock.now += pauses[-1]
    assert pauses == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_in_a_pause_no_key_counts_and_none_makes_it_longer(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    for _ in range(6):
        pool.clock.now += attempt(attempts, "192.0.2.1", right=False).seconds
    pool.clock.now -= 0.5
    assert attempt(attempts, "192.0.2.1", right=True).seconds == 0.5
    assert attempt(attempts, "192.0.2.1", right=False).seconds == 0.5
    pool.clock.now += 0.5
    assert attempt(attempts, "192.0.2.1", right=True).seconds == 0


def test_a_wrong_key_begins_a_pause_once(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    assert [attempt(attempts, "192.0.2.1", right=False).begins for _ in range(7)] == [*[False] * 4, True, False, False]
    pool.clock.now += 1
    assert not attempt(attempts, "192.0.2.1", right=True).begins
    assert attempt(attempts, "192.0.2.1", right=False).begins


def test_a_clock_that_is_set_back_keeps_nobody_out(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    for _ in range(5):
        attempt(attempts, "192.0.2.1", right=False)
    pool.clock.now -= 86_400
    assert attempt(attempts, "192.0.2.1", right=True).seconds == 0
    assert attempt(attempts, "192.0.2.1", right=False).seconds == 2
    assert attempt(attempts, "192.0.2.1", right=True).seconds == 2


def test_a_right_key_makes_no_room_for_guesses(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    for _ in range(4):
        assert attempt(attempts, "192.0.2.1", right=False).seconds == 0
    assert attempt(attempts, "192.0.2.1", right=True).seconds == 0
    assert attempt(attempts, "192.0.2.1", right=False).seconds == 1


def test_other_addresses_do_not_wait(pool: Pool) -> None:
    attempts = Attempts(pool.store, OPERATORS)
    for _ in range(5):
        attempt(attempts, "192.0.2.1", right=False)
    assert attempt(attempts, "192.0.2.2", right=False).seconds == 0


def test_wrong_keys_of_operators_are_forgotten_after_an_hour(pool: Pool) -> None:
    attempt(Attempts(pool.store, OPERATORS), "192.0.2.1", right=False)
    (name,) = pool.store.redis.keys("*:wrong:admin:*")
    assert 3_590_000 < pool.store.redis.pttl(name) <= 3_600_000


def test_clients_have_ten_wrong_keys_within_ten_minutes_and_shorter_pauses(pool: Pool) -> None:
    attempts = Attempts(pool.store, CLIENTS)
    pauses = []
    for _ in range(19):
        pauses.append(attempt(attempts, "at:192.0.2.1", right=False).seconds)
        pool.clock.now += pauses[-1]
    assert pauses == [*[0] * 10, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    (name,) = pool.store.redis.keys("*:wrong:client:*")
    assert 590_000 < pool.store.redis.pttl(name) <= 600_000


def test_a_wrong_key_that_begins_nothing_does_not_make_those_before_it_younger(pool: Pool) -> None:
    attempts = Attempts(pool.store, CLIENTS)
    attempt(attempts, "at:192.0.2.1", right=False)
    (name,) = pool.store.redis.keys("*:wrong:client:*")
    pool.store.redis.pexpire(name, 5_000)
    attempt(attempts, "at:192.0.2.1", right=False)
    assert pool.store.redis.pttl(name) <= 5_000


def test_where_one_bucket_waits_none_counts(pool: Pool) -> None:
    attempts = Attempts(pool.store, CLIENTS)
    began = [attempts.attempt([f"at:192.0.2.{number}", "like:x"], right=False) for number in range(11)]
    assert began[-1] == [Pause(), Pause(0.5, begins=True)]
    assert attempts.attempt(["at:192.0.2.1", "like:x"], right=False) == [Pause(), Pause(0.5)]
    assert attempts.attempt(["at:192.0.2.1", "like:x"], right=True) == [Pause(), Pause(0.5)]
    assert pool.store.redis.hget(pool.store.key("wrong", "client", "at:192.0.2.1"), "count") == "1"
    assert attempts.attempt(["at:192.0.2.1", "like:y"], right=False) == [Pause(), Pause()]


def test_keys_of_clients_and_of_operators_are_counted_apart(pool: Pool) -> None:
    for _ in range(5):
        attempt(Attempts(pool.store, OPERATORS), "192.0.2.1", right=False)
    assert attempt(Attempts(pool.store, CLIENTS), "192.0.2.1", right=False).seconds == 0


def test_guesses_at_the_same_time_at_two_replicas_are_held_as_well(redis_url: str) -> None:
    with connect(redis_url) as one, connect(redis_url) as other, ThreadPoolExecutor(20) as threads:
        replicas = [Attempts(Store(redis, clock=Clock()), CLIENTS) for redis in (one, other)]
        pauses = list(threads.map(lambda n: attempt(replicas[n % 2], "at:192.0.2.1", right=False), range(40)))
    assert sum(pause.seconds == 0 for pause in pauses) == CLIENTS.free
    assert sum(pause.begins for pause in pauses) == 1


def test_there_are_only_so_many_buckets_and_those_that_are_there_go_on(pool: Pool) -> None:
    attempts = Attempts(pool.store, CLIENTS, most=3)
    for number in range(20):
        attempts.attempt([f"at:{number}", f"like:{number}"], right=False)
    names = sorted(pool.store.redis.keys("*:wrong:client:*"))
    assert [name.rpartition("client:")[2] for name in names] == ["at:0", "at:1", "like:0"]
    assert [attempt(attempts, "at:0", right=False).seconds for _ in range(10)] == [*[0] * 9, 0.5]
    assert [attempt(attempts, "at:5", right=False).seconds for _ in range(12)] == [0] * 12
    assert 590_000 < pool.store.redis.pttl(pool.store.key("wrongs", "client")) <= 600_000
    pool.store.redis.delete(pool.store.key("wrongs", "client"))  # as it goes when its time is over
    assert [attempt(attempts, "at:5", right=False).seconds for _ in range(11)] == [*[0] * 10, 0.5]
