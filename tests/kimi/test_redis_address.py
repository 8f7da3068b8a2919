"""What a URL of Redis is taken to say; what is wrong with one is looked at beside the settings."""

from __future__ import annotations

import pytest

from kimi.redis_address import RedisAddress, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", RedisAddress("redis://h:6379/0")),
        ("rediss://u:p%40@[::1]:1/2?ssl_cert_reqs=none", RedisAddress("rediss://u:p%40@[::1]:1/2?ssl_cert_reqs=none")),
        ("redis://h?db=3&replicas=2", RedisAddress("redis://h:6379/0?db=3", replicas=2)),
        ("unix:///run/redis.sock?db=1", RedisAddress("unix:///run/redis.sock?db=1")),
        (
            "redis+sentinel://u:p@h1:1,h2/main/3",
            RedisAddress("redis://u:p@h1:1/3", ("redis://h1:1/0", "redis://h2:26379/0"), "main", None),
        ),
        (
            "rediss+sentinel://h/ma%20in?sentinel_username=s&sentinel_password=a%2Fb&ssl_ca_certs=/ca&replicas=0",
            RedisAddress(
                "rediss://h:26379/0?ssl_ca_certs=%2Fca",
                ("rediss://s:a%2Fb@h:26379/0?ssl_ca_certs=%2Fca",),
                "ma in",
            ),
        ),
        (
            "redis+cluster://:p@h1,[::2]:2",
            RedisAddress("redis://:p@h1:6379/0", ("redis://:p@h1:6379/0", "redis://:p@[::2]:2/0"), replicas=None),
        ),
    ],
)
def test_all_of_it_is_understood(url: str, address: RedisAddress) -> None:
    assert parse(url) == address


def test_nothing_of_it_is_shown() -> None:
    assert "secret" not in repr(parse("redis+sentinel://:secret@h/main?sentinel_password=secret"))
