from __future__ import annotations

import pytest
import redis

from tests.valkey import Valkey


def test_a_killed_server_comes_back_with_what_was_written(own_valkey: Valkey) -> None:
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set("greeting", "hello")
    own_valkey.kill()
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.get("greeting") == b"hello"


def test_writes_can_be_waited_for_until_they_are_on_disk(redis_client: redis.Redis) -> None:
    redis_client.set("greeting", "hello")
    assert redis_client.waitaof(1, 0, 1000) == [1, 0]


def test_what_other_tests_left_behind_is_gone(shared_valkey: Valkey, request: pytest.FixtureRequest) -> None:
    with redis.Redis.from_url(shared_valkey.url) as client:
        client.set("left", "behind")
        request.getfixturevalue("redis_url")
        assert client.keys() == []
