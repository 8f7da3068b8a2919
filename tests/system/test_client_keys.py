"""Keys that are created while gateways serve: at once everywhere, within their limits everywhere, and at an end."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
import requests

from devtools.waiting import until
from gateway.following import SECONDS
from kimi.pool import Store, connect
from kimi.pool.client_limits import PLACE_SECONDS
from kimi.pool.client_terms import limits_from
from kimi.pool.clients import Clients, Created
from tests.system.stack import Stack

REVOKED_SECONDS: Final = 2.0
"""Within about a second a revoked key opens nothing."""
EVERY_WORKER: Final = 40
"""So many new connections reach both workers of both gateways."""
REFUSED: Final = frozenset({401, 429})
"""A wrong key is unknown; who goes on sending one is slowed down."""
Create = Callable[..., Created]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways of two workers each."""
    stack = Stack(tmp_path_factory.mktemp("keys"), env={"GATEWAY_DRAIN_SECONDS": "1"})
    stack.gateways.append(stack.another_gateway("second"))
    stack.start(kimi=4)
    yield stack
    stack.stop()


@pytest.fixture
def store(home: Stack) -> Iterator[Store]:
    with connect(home.valkey.url) as redis:
        yield Store(redis)


@pytest.fixture
def create(store: Store) -> Create:
    """Creates a key with limits."""
    names = itertools.count(1)
    return lambda **limits: Clients(store).create(f"{time.time_ns()} {next(names)}", limits_from(limits))


def ask(home: Stack, key: str, gateway: int = 0, *, stream: bool = False, **body: Any) -> requests.Response:
    """An answer, by a connection of its own."""
    return requests.post(
        f"{home.gateways[gateway].url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **body},
        timeout=60,
        stream=stream,
    )


def may_look(home: Stack, key: str) -> Counter[int]:
    """What the workers of both gateways say of a key: how often which status."""

    def look(number: int) -> int:
        url = home.gateways[number % 2].url
        return requests.get(f"{url}/v1/models", headers={"x-api-key": key}, timeout=10).status_code

    with ThreadPoolExecutor(8) as threads:
        return Counter(threads.map(look, range(EVERY_WORKER)))


def test_a_new_key_opens_every_worker_at_once_and_a_revoked_one_none(home: Stack, store: Store, create: Create) -> None:
    key = create()
    assert may_look(home, key.key) == {200: EVERY_WORKER}
    assert ask(home, key.key).status_code == 200

    home.simulator.fault("stall", seconds=2 * REVOKED_SECONDS, texts=1, match={"endpoint": "chat"})
    with ask(home, key.key, stream=True) as running:
        Clients(store).revoke(key.client.id)
        until(
            lambda: may_look(home, key.key).keys() <= REFUSED,
            seconds=REVOKED_SECONDS,
            what="every worker refuses the key",
        )
        assert running.text.endswith("data: [DONE]\n\n") and '"finish_reason":"stop"' in running.text


def test_requests_a_minute_are_those_of_all_workers(home: Stack, create: Create) -> None:
    key = create(requests_per_minute=7).key
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda number: ask(home, key, number % 2), range(50)))
    assert Counter(each.status_code for each in answers) == {200: 7, 429: 43}
    told = [int(each.headers["x-ratelimit-remaining-requests"]) for each in answers]
    assert Counter(told) == {**Counter(range(1, 7)), 0: 44}, "each place is given once, whoever gives it"
    assert {each.headers["x-ratelimit-limit-requests"] for each in answers} == {"7"}
    late = next(each for each in answers if each.status_code == 429)
    assert 0 < int(late.headers["retry-after"]) <= 60
    # The last of them came behind the first, so that all are there again at the same time as one, or later.
    reset = late.headers["x-ratelimit-reset-requests"]
    assert reset == "1m0s" or int(late.headers["retry-after"]) <= int(reset.removesuffix("s")) <= 60
    assert late.json()["error"]["code"] == "rate_limit_exceeded"
    assert "requests a minute, which is 7." in late.json()["error"]["message"]


def test_answers_at_the_same_time_are_those_of_all_workers(home: Stack, create: Create) -> None:
    key = create(concurrent=1).key
    home.simulator.fault("stall", seconds=60, texts=1, match={"endpoint": "chat"})
    with ask(home, key, stream=True) as running:
        assert running.status_code == 200
        assert {ask(home, key, gateway).status_code for gateway in (0, 1)} == {429}
    until(lambda: ask(home, key, 1).status_code == 200, seconds=5, what="the client that left has given its place back")


def test_tokens_are_those_of_all_workers(home: Stack, create: Create) -> None:
    key = create(tokens_per_day=1).key
    assert ask(home, key).json()["usage"]["total_tokens"] > 1
    late = ask(home, key, 1)
    assert (late.status_code, late.headers["x-should-retry"]) == (429, "false")
    assert "They are counted anew from 00:00 UTC" in late.json()["error"]["message"]


def test_a_long_answer_keeps_its_place(home: Stack, store: Store, create: Create) -> None:
    key = create(concurrent=1)
    places = store.key("client", key.client.id, "running")
    home.simulator.fault("stall", seconds=60, texts=1, match={"endpoint": "chat"})
    with ask(home, key.key, stream=True):
        ((_, expiry),) = store.redis.zrange(places, 0, -1, withscores=True)
        assert expiry / 1000 - time.time() <= PLACE_SECONDS
        until(
            lambda: store.redis.zrange(places, 0, -1, withscores=True)[0][1] > expiry,
            seconds=PLACE_SECONDS / 3 + 3,
            what="the place is renewed",
        )
    until(lambda: not store.redis.exists(places), seconds=5, what="the place is given back")


def test_a_gateway_that_stops_gives_places_back(home: Stack, create: Create) -> None:
    key = create(concurrent=1).key
    home.simulator.fault("hang", texts=1, match={"endpoint": "chat"})
    with ask(home, key, 1, stream=True) as running:
        assert (running.status_code, ask(home, key).status_code) == (200, 429)
        assert home.gateways[1].stop() == 0
        assert ask(home, key).status_code == 200
    home.gateways[1].start()
    home.gateways[1].wait_ready()


def test_models_are_those_of_the_key(home: Stack, create: Create) -> None:
    key = create(models=["kimi", "kimi-k2*"]).key
    refused = ask(home, key, model="kimi-thinking")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    listed = requests.get(f"{home.url}/v1/models", headers={"x-api-key": key}, timeout=10).json()["data"]
    names = {model["id"] for model in listed}
    assert "kimi" in names and all(name == "kimi" or name.startswith("kimi-k2") for name in names)


def test_keys_go_on_while_redis_is_away(home: Stack, create: Create) -> None:
    key = create(requests_per_minute=1)
    assert ask(home, key.key).status_code == 200
    assert ask(home, key.key).status_code == 429
    until(lambda: may_look(home, key.key) == {200: EVERY_WORKER}, seconds=5)
    until(lambda: time.time() > key.client.created + 2 * SECONDS, seconds=5, what="the key is older than any copy")
    home.valkey.kill()
    try:
        assert may_look(home, key.key) == {200: EVERY_WORKER}
        assert {ask(home, key.key, number % 2).status_code for number in range(8)} == {200}  # nobody can count
        assert may_look(home, "sk-kimi-" + "x" * 43) == {503: EVERY_WORKER}, "it may be one that was created just now"
        assert may_look(home, "sk-wrong").keys() <= REFUSED
    finally:
        home.valkey.start()
        home.wait_ready()
    until(lambda: ask(home, key.key).status_code == 429, seconds=10, what="requests are counted again")


def test_tokens_that_were_taken_while_redis_was_away_are_told_at_the_end(
    home: Stack, store: Store, create: Create
) -> None:
    key, gateway = create(tokens_per_day=1_000_000), home.gateways[1]
    until(lambda: time.time() > key.client.created + 2 * SECONDS, seconds=5, what="the key is older than any copy")
    home.valkey.kill()
    try:
        taken = ask(home, key.key, 1).json()["usage"]["total_tokens"]
    finally:
        home.valkey.start()
        home.wait_ready()
    gone, back = "until Redis is back", "Redis is back after"
    until(lambda: gateway.said.count(gone) == gateway.said.count(back) > 0, what="its workers have noticed")
    assert gateway.stop() == 0
    (told,) = store.redis.scan_iter(store.key("client", key.client.id, "tokens", "*"))
    assert int(store.redis.get(told)) == taken > 0
    gateway.start()
    gateway.wait_ready()
