"""A worker has no more connections to Redis than docs/scaling.md reckons with, whatever comes at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import redis
import requests

from tests.gateway.gunicorns import KEY, running
from tests.valkey import Valkey

PAGE: Final = Path(__file__).parents[2] / "docs/scaling.md"
OPERATOR: Final = "an-operator-s-key-of-some-length"
QUESTION: Final = {"model": "kimi", "messages": [{"role": "user", "content": "?"}]}


def test_a_crowd_that_finds_redis_busy_takes_no_more_than_the_page_says(tmp_path: Path, own_valkey: Valkey) -> None:
    said = re.search(r"opens (\d+) at the most", PAGE.read_text("utf-8"))
    assert said
    with (
        redis.Redis.from_url(own_valkey.url) as other,
        running(tmp_path, own_valkey.url, GATEWAY_ADMIN_KEY=OPERATOR, GATEWAY_QUEUE_SECONDS="1") as gateway,
        ThreadPoolExecutor(100) as crowd,
    ):

        def ask(_: int) -> int:
            url, key = f"{gateway.base}/v1/chat/completions", {"Authorization": f"Bearer {KEY}"}
            return requests.post(url, json=QUESTION, headers=key, timeout=30).status_code

        def after_a_crowd() -> int:
            other.client_pause(200)  # milliseconds; beyond 500 it would be taken for away
            assert set(crowd.map(ask, range(100))) == {503}
            return int(other.info("clients")["connected_clients"]) - 1

        found = after_a_crowd()
        while found < 20:  # they did not come at once, on a machine with much to do
            found = after_a_crowd()
        assert found <= int(said[1])
