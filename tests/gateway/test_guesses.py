"""Clients that send wrong keys, and those beside them who do not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.backoff import MOST, LocalAttempts
from gateway.errors import UnknownKey
from gateway.guesses import Guesses, beginning
from gateway.settings import GatewaySettings
from gateway.wsgi import doors
from kimi.pool.attempts import CLIENTS, Pause
from kimi.pool.clients import Clients
from tests.gateway.bringing import KEY as CREATED
from tests.gateway.fakes import House
from tests.gateway.guessing import HERE, RIGHT, Gate, guess


def test_the_eleventh_wrong_key_of_an_address_begins_a_pause_there_and_nowhere_else(gate: Gate) -> None:
    assert [gate.tries(guess(number)) for number in range(11)] == [*[None] * 10, 0.5]
    gate.address = "192.0.2.2"
    assert gate.tries(guess(99)) is None


def test_what_comes_in_a_pause_does_not_count_and_redis_is_not_asked(gate: Gate) -> None:
    for number in range(11):
        gate.tries(guess(number))
    asked = gate.shared.asked
    gate.advance(0.25)
    assert [gate.tries(guess(number)) for number in range(20, 40)] == [0.25] * 20
    assert gate.shared.asked == asked
    gate.advance(0.25)
    assert gate.tries(guess(50)) == 1.0, "it is the next one, not the twenty-first"


def test_a_worker_that_knows_nothing_of_a_pause_asks_once(gate: Gate) -> None:
    for number in range(11):
        gate.tries(guess(number))
    other = Gate(gate.pool)
    assert [other.tries(guess(number)) for number in range(3)] == [0.5] * 3
    assert other.shared.asked == 1


def test_many_addresses_that_guess_one_key_count_together(gate: Gate) -> None:
    for number in range(10):
        gate.address = f"192.0.2.{number}"
        assert gate.tries(f"sk-kimi-abcdefghijkl{number}") is None
    gate.address = "2001:db8::1"
    assert gate.tries("sk-kimi-abcdefghijklmnop") == 0.5
    assert gate.tries("sk-kimi-abcdefghijkm") is None


def test_an_ipv6_network_is_one_sender(gate: Gate) -> None:
    for number in range(10):
        gate.address = f"2001:db8:1:2:{number}::1"
        assert gate.tries(guess(number)) is None
    gate.address = "2001:db8:1:2:ffff::"
    assert gate.tries(guess(10)) == 0.5
    gate.address = "2001:db8:1:3::"
    assert gate.tries(guess(11)) is None


@pytest.mark.parametrize("key", [RIGHT, CREATED])
def test_a_right_key_never_waits_and_costs_no_look_at_redis(gate: Gate, key: str) -> None:
    for number in range(11):
        gate.tries(guess(number))
        gate.tries(f"{key[:-1]}{number}" if key == RIGHT else f"{key[:-2]}{number:02}")
    asked = gate.shared.asked
    for _ in range(3):
        assert gate.door.caller(f"Bearer {key}", None).client in (1, "shop")
        assert gate.door.caller("Bearer wrong", key).client in (1, "shop")
    assert gate.shared.asked == asked


def test_who_sends_no_key_guesses_nothing(gate: Gate) -> None:
    for authorization in (None, "Basic eHh4Og==", "Bearer"):
        for _ in range(12):
            with pytest.raises(UnknownKey):
                gate.door.caller(authorization, "" if authorization is None else None)
    assert gate.shared.asked == 0


def test_without_redis_this_worker_counts_alone(gate: Gate) -> None:
    gate.shared.away = True
    waits = []
    for number in range(13):
        waits.append(gate.tries(guess(number)))
        gate.advance(waits[-1] or 0)
    assert waits == [*[None] * 10, 0.5, 1, 2]


def test_what_a_worker_has_counted_alone_it_knows_when_redis_is_back_and_gone_again(gate: Gate) -> None:
    gate.shared.away = True
    for number in range(10):
        assert gate.tries(guess(number)) is None
    gate.shared.away = False
    other = Gate(gate.pool, ticks=gate.ticks)
    for number in range(20, 31):
        other.tries(guess(number))
    assert gate.tries(guess(11)) == 0.5, "which this worker is told"
    gate.advance(0.5)
    gate.shared.away = True
    assert gate.tries(guess(12)) == 0.5, "the eleventh here"


def test_after_ten_minutes_it_begins_anew_here_as_well(gate: Gate) -> None:
    gate.shared.away = True
    for number in range(9):
        gate.tries(guess(number))
        gate.advance(70)
    assert [gate.tries(guess(number)) for number in range(9, 19)] == [None] * 10


def test_no_more_than_so_many_are_remembered(gate: Gate) -> None:
    local = LocalAttempts(CLIENTS, gate.ticks)
    local.learn(["first", "second"], [Pause(60)] * 2)
    for number in range(MOST - 1):
        local.attempt([str(number)], counts=True)
    assert local.pauses(["first", "second"]) == [Pause(), Pause(60)]


def test_the_log_tells_once_a_pause_who_guesses_and_never_what(gate: Gate) -> None:
    with capture_logs() as logs:
        for number in range(13):
            gate.tries(guess(number))
        for number in range(11):
            gate.address = f"198.51.100.{number}"
            gate.tries(f"one-and-the-same-{number}")
    said = {"event": "too many wrong client keys", "log_level": "warning", "seconds": 0.5}
    assert logs == [
        {**said, "address": HERE, "counted_by": "address"},
        {**said, "address": "198.51.100.10", "counted_by": "key"},
    ]


def test_redis_learns_nothing_of_what_was_sent(gate: Gate) -> None:
    gate.tries("sk-a-mistyped-key")
    other = Guesses(gate.shared, LocalAttempts(CLIENTS, gate.ticks), lambda: HERE, b"another secret")
    other.wrong(["sk-a-mistyped-key"])
    names = gate.pool.store.redis.keys("*wrong:*")
    assert len(names) == 3, "one of the address, and nobody can try keys on the others who does not know the secret"
    held = str(names) + str([gate.pool.store.redis.hgetall(name) for name in names])
    assert "mistyped" not in held and "sk-" not in held


@pytest.mark.parametrize(
    ("key", "same"),
    [
        ("sk-kimi-abcdefghijklm", "abcdefghijkl"),
        ("sk-abcdefghijklm", "sk-abcdefghi"),
        ("short", "short"),
        ("eyJh.eyJz.signature", "eyJh.eyJz"),
        ("eyJhbGciOiJIUzUxMiJ9", "eyJhbGciOiJI"),
    ],
)
def test_guesses_of_one_key_begin_alike(key: str, same: str) -> None:
    assert beginning(key) == same


@dataclass
class Street:
    """A gateway and what a client with a wrong key is told there."""

    house: House

    def asks(self, method: str, path: str, key: str = "wrong", **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {key}", **headers}
        return self.house.client.open(path, method=method, json={} if method == "POST" else None, headers=sent)


@pytest.fixture
def street(gate: Gate) -> Street:
    return Street(House(gate.door))


SURFACES = [
    *(("POST", path) for path in ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/chat/kimi")),
    *(("POST", path) for path in ("/v1/responses/input_tokens", "/token/check")),
    *(("GET", path) for path in ("/v1/models", "/v1/models/kimi", "/v1/dashboard/billing/usage")),
]


def test_every_surface_says_when_to_come_back(street: Street) -> None:
    assert [street.asks("GET", "/v1/models").status_code for _ in range(11)] == [*[401] * 10, 429]
    for method, path in SURFACES:
        reply = street.asks(method, path)
        error = reply.get_json()["error"]
        assert (reply.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "too_many_wrong_keys"), (
            path
        )
        assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("1", "500")
    assert street.asks("GET", "/v1/models", RIGHT).status_code == 200


def test_in_a_pause_no_key_is_looked_up_for_its_sender(gate: Gate) -> None:
    """Also none that is good, as one may be that was created a moment ago: only so many are looked up at a time."""
    settings = GatewaySettings.model_validate({"gateway_api_keys": RIGHT, "gateway_trusted_proxies": 1})
    door, _, _ = doors(settings, gate.pool.store, gate.strangers, b"secret")
    street, new = Street(House(door)), Clients(gate.pool.store).create("shop").key
    guessing, other = {"X-Forwarded-For": HERE}, {"X-Forwarded-For": "198.51.100.1"}
    while (pause := gate.shared.attempt([f"at:{HERE}"], counts=True)[0].seconds) < CLIENTS.pauses[-1]:
        gate.advance(pause)
    for key in ("wrong", new):
        reply = street.asks("GET", "/v1/models", key, **guessing)
        assert (reply.status_code, reply.headers.get("retry-after")) == (429, "60")
    assert street.asks("GET", "/v1/models", new, **other).status_code == 200
    assert street.asks("GET", "/v1/models", new, **guessing).status_code == 200, "it is known here now"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_anthropics_clients_are_told_in_their_words(street: Street, path: str) -> None:
    reply = [street.asks("POST", path) for _ in range(11)][-1]
    body = reply.get_json()
    assert (reply.status_code, body["type"], body["error"]["type"]) == (429, "error", "rate_limit_error")
    assert "wrong ones" in body["error"]["message"]
    assert reply.headers["retry-after"] == "1"
