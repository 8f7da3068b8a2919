"""Who is signed in to the admin page, and who tries wrong keys."""

from __future__ import annotations

import pytest

from kimi.pool.sessions import SESSION_SECONDS, Attempts, Sessions
from tests.kimi.pool.pools import Pool


def test_a_session_is_found_until_it_is_closed(pool: Pool) -> None:
    sessions = Sessions(pool.store)
    expires = sessions.open("token", "proof")
    assert expires == pool.clock.now + SESSION_SECONDS
    found = sessions.find("token")
    assert found is not None and found[0] == "proof"
    assert found[1] == pytest.approx(expires, abs=5)
    sessions.close("token")
    assert sessions.find("token") is None


def test_redis_holds_no_token_of_a_session_and_forgets_it_by_itself(pool: Pool) -> None:
    Sessions(pool.store).open("a-secret-token", "proof")
    (name,) = pool.store.redis.keys("*admin:session:*")
    assert "a-secret-token" not in name
    assert 0 < pool.store.redis.pttl(name) <= SESSION_SECONDS * 1000


def test_pauses_begin_with_the_fifth_wrong_key_and_double_up_to_a_minute(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    pauses = []
    for _ in range(13):
        pauses.append(attempts.attempt("192.0.2.1", right=False).seconds)
        pool.clock.now += pauses[-1]
    assert pauses == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_in_a_pause_no_key_counts_and_none_makes_it_longer(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    for _ in range(6):
        pool.clock.now += attempts.attempt("192.0.2.1", right=False).seconds
    pool.clock.now -= 0.5
    assert attempts.attempt("192.0.2.1", right=True).seconds == 0.5
    assert attempts.attempt("192.0.2.1", right=False).seconds == 0.5
    pool.clock.now += 0.5
    assert attempts.attempt("192.0.2.1", right=True).seconds == 0


def test_a_wrong_key_begins_a_pause_once(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    assert [attempts.attempt("192.0.2.1", right=False).begins for _ in range(7)] == [*[False] * 4, True, False, False]
    pool.clock.now += 1
    assert not attempts.attempt("192.0.2.1", right=True).begins
    assert attempts.attempt("192.0.2.1", right=False).begins


def test_a_clock_that_is_set_back_keeps_nobody_out(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    for _ in range(5):
        attempts.attempt("192.0.2.1", right=False)
    pool.clock.now -= 86_400
    assert attempts.attempt("192.0.2.1", right=True).seconds == 0
    assert attempts.attempt("192.0.2.1", right=False).seconds == 2
    assert attempts.attempt("192.0.2.1", right=True).seconds == 2


def test_a_right_key_makes_no_room_for_guesses(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    for _ in range(4):
        assert attempts.attempt("192.0.2.1", right=False).seconds == 0
    assert attempts.attempt("192.0.2.1", right=True).seconds == 0
    assert attempts.attempt("192.0.2.1", right=False).seconds == 1


def test_other_addresses_do_not_wait(pool: Pool) -> None:
    attempts = Attempts(pool.store)
    for _ in range(5):
        attempts.attempt("192.0.2.1", right=False)
    assert attempts.attempt("192.0.2.2", right=False).seconds == 0


def test_wrong_keys_are_forgotten_after_an_hour(pool: Pool) -> None:
    Attempts(pool.store).attempt("192.0.2.1", right=False)
    (name,) = pool.store.redis.keys("*admin:wrong:*")
    assert 3_590_000 < pool.store.redis.pttl(name) <= 3_600_000
