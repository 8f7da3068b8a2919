"""Who is signed in to the admin page."""

from __future__ import annotations

import pytest

from kimi.pool.sessions import SESSION_SECONDS, Sessions
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
