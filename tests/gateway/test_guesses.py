"""Clients that send wrong keys, and those beside them who do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.auth import ClientKeys
from gateway.backoff import MOST, LocalAttempts
from gateway.client_keys import CreatedKeys
from gateway.errors import TokenUndecided, TooManyNewTokens, TooManyWrongKeys, UnknownKey
from gateway.guesses import GuardedKeys, Guesses, beginning
from gateway.newcomers import AT_ONCE, SHARE
from gateway.passthrough import PassThrough, Strangers
from gateway.settings import GatewaySettings
from gateway.token_check import TokenCheck
from gateway.wsgi import doors
from kimi.accounts import Kind, State
from kimi.errors import StoreUnavailable
from kimi.pool.attempts import CLIENTS, Attempts, Pause
from kimi.pool.clients import Clients
from tests.gateway.fakes import Clock as Ticks
from tests.gateway.fakes import House
from tests.gateway.test_client_keys import KEY as CREATED
from tests.gateway.test_client_keys import Found
from tests.gateway.test_passthrough import ALICE, BOB, Shelf, token
from tests.kimi.pool.pools import Pool, turned

RIGHT = "sk-a-right-key"
HERE = "192.0.2.1"


def guess(number: int) -> str:
    """One of many, all of which begin otherwise."""
    return f"{number:09}-wrong"


@dataclass
class Shared:
    """What all workers count with; says how often it was asked."""

    inner: Attempts
    asked: int = 0
    away: bool = False

    def attempt(self, buckets: Sequence[str], *, counts: bool) -> list[Pause]:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return self.inner.attempt(buckets, counts=counts)


@dataclass
class Gate:
    """The door of one worker; `address` is where the next request comes from."""

    pool: Pool
    address: str = HERE
    shelf: Shelf = field(default_factory=Shelf)
    ticks: Ticks = field(default_factory=Ticks)

    def __post_init__(self) -> None:
        self.shared = Shared(Attempts(self.pool.store, CLIENTS))
        self.guesses = Guesses(self.shared, LocalAttempts(CLIENTS, self.ticks), lambda: self.address, b"secret")
        self.keys = CreatedKeys(ClientKeys([RIGHT]), Found())
        self.strangers = Strangers(self.shelf, Kind.KIMI, monotonic=self.ticks)
        self.door = GuardedKeys(self.keys, self.guesses)
        self.bringing = GuardedKeys(PassThrough(self.keys, self.strangers, self.guesses), self.guesses)

    def advance(self, seconds: float) -> None:
        self.ticks.advance(seconds)
        self.pool.clock.now += seconds

    def tries(self, key: str, *, of: GuardedKeys | None = None) -> float | None:
        """How long he has to wait who sends a wrong key: None where it is no more than wrong."""
        with pytest.raises((UnknownKey, TooManyWrongKeys)) as caught:
            (of or self.door).caller(f"Bearer {key}", None)
        return caught.value.retry_after if isinstance(caught.value, TooManyWrongKeys) else None


@pytest.fixture
def gate(redis_url: str) -> Iterator[Gate]:
    with turned(redis_url) as pool:
        yield Gate(pool)


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


def test_in_a_pause_no_token_is_tried_on_kimi(gate: Gate) -> None:
    for number in range(11):
        gate.tries(guess(number), of=gate.bringing)
    assert gate.tries(ALICE, of=gate.bringing) == 0.5
    assert gate.shelf.adopted == 0
    gate.advance(0.5)
    assert gate.bringing.caller(f"Bearer {ALICE}", None).is_private
    assert gate.shelf.adopted == 1


def test_a_pause_that_another_worker_began_holds_tokens_here(gate: Gate) -> None:
    for number in range(11):
        gate.tries(guess(number))
    other = Gate(gate.pool)
    assert other.tries(ALICE, of=other.bringing) == 0.5
    assert other.shelf.adopted == 0


def test_a_token_that_is_known_and_alive_never_waits(gate: Gate) -> None:
    gate.shelf.is_now(ALICE, State.ACTIVE)
    for number in range(11):
        gate.tries(guess(number), of=gate.bringing)
    asked = gate.shared.asked
    assert gate.bringing.caller(f"Bearer {ALICE}", None).is_private
    assert gate.shared.asked == asked
    assert len(gate.bringing.caller(f"Bearer {ALICE},{BOB}", None).accounts) == 1, "the new one waits, the other serves"
    assert gate.shelf.adopted == 0


@pytest.mark.parametrize("kind", ["dead", "malformed"])
def test_tokens_that_cannot_serve_count_as_wrong(gate: Gate, kind: str) -> None:
    wrong = [token(f"user-{number}") if kind == "dead" else f"eyJ{number}.eyJ.x" for number in range(11)]
    for each in wrong:
        if kind == "dead":
            gate.shelf.is_now(each, State.DEAD)
    assert [gate.tries(each, of=gate.bringing) for each in wrong] == [*[None] * 10, 0.5]


def test_tokens_that_are_checked_are_held_and_counted_too(gate: Gate) -> None:
    check = TokenCheck(gate.strangers, list, gate.guesses, pause=gate.advance, monotonic=gate.ticks)
    dead = [token(f"user-{number}") for number in range(10)]
    for each in dead:
        gate.shelf.is_now(each, State.DEAD)
        assert not check.is_live(each)
    with pytest.raises(TooManyWrongKeys):
        check.is_live("garbage")
    gate.shelf.is_now(BOB, State.ACTIVE)
    assert check.is_live(BOB)
    with pytest.raises(TooManyWrongKeys):
        check.is_live(ALICE)
    assert gate.shelf.adopted == 0


@pytest.mark.parametrize("asks", [1, 2])
def test_a_new_token_that_is_checked_and_dead_counts_once(gate: Gate, asks: int) -> None:
    """Also where the first answer is that nobody knows yet."""
    decided: list[str] = []

    def pause(seconds: float) -> None:
        gate.advance(seconds)
        for each in decided:
            gate.shelf.is_now(each, State.DEAD)

    check = TokenCheck(gate.strangers, list, gate.guesses, seconds=1, pause=pause, monotonic=gate.ticks)

    def asked(each: str) -> float | None:
        for _ in range(asks - 1):
            with pytest.raises(TokenUndecided):
                check.is_live(each)
        decided.append(each)
        try:
            assert not check.is_live(each)
        except TooManyWrongKeys as caught:
            return caught.retry_after
        return None

    assert [asked(token(f"user-{number}")) for number in range(11)] == [*[None] * 10, 0.5]
    gate.advance(0.5)
    assert [asked(token("user-11"))] == [1.0]


def test_a_new_token_that_comes_as_a_key_and_is_dead_counts_once(gate: Gate) -> None:
    """Nobody knows yet that it is when it comes for the first time."""

    def asked(each: str) -> float | None:
        assert gate.bringing.caller(f"Bearer {each}", None).is_private
        gate.shelf.is_now(each, State.DEAD)
        return gate.tries(each, of=gate.bringing)

    assert [asked(token(f"user-{number}")) for number in range(11)] == [*[None] * 10, 0.5]
    gate.advance(0.5)
    assert gate.tries(token("user-0"), of=gate.bringing) == 1.0, "whoever sends it again guesses again"


def test_made_up_tokens_beside_a_good_one_slow_their_sender_down_and_nobody_else(gate: Gate) -> None:
    gate.shelf.is_now(ALICE, State.ACTIVE)
    adopted = []
    for second in range(300):
        made_up = [token(f"{second}-{number}") for number in range(9)]
        assert gate.bringing.caller(f"Bearer {','.join([ALICE, *made_up])}", None).is_private
        gate.shelf.states.update({name: State.DEAD for name, state in gate.shelf.states.items() if state is State.NEW})
        gate.advance(1)
        adopted.append(gate.shelf.adopted)
    assert adopted[59] <= SHARE, "its share of a minute"
    assert adopted[299] <= adopted[59] + 12, "less and less: each that is dead counts as a wrong key"
    gate.address = "198.51.100.1"
    assert gate.bringing.caller(f"Bearer {BOB}", None).is_private


def test_of_one_request_few_new_tokens_are_taken_at_once_and_the_others_with_the_next(gate: Gate) -> None:
    mine = [token(f"user-{number}") for number in range(AT_ONCE + 2)]
    sizes = [len(gate.bringing.caller(f"Bearer {','.join(mine)}", None).accounts) for _ in range(3)]
    assert sizes == [AT_ONCE, AT_ONCE + 2, AT_ONCE + 2]


def test_one_sender_has_a_share_of_what_is_taken(gate: Gate) -> None:
    for number in range(SHARE):
        gate.bringing.caller(f"Bearer {token(str(number))}", None)
    with pytest.raises(TooManyNewTokens) as caught:
        gate.bringing.caller(f"Bearer {ALICE}", None)
    assert caught.value.retry_after == 60
    gate.address = "198.51.100.1"
    assert gate.bringing.caller(f"Bearer {ALICE}", None).is_private
    gate.address, gate.ticks.now = HERE, gate.ticks.now + 60
    assert gate.bringing.caller(f"Bearer {BOB}", None).is_private


def test_who_brings_good_tokens_never_gets_into_a_pause(gate: Gate) -> None:
    for number in range(40):
        mine = token(f"user-{number}")
        assert gate.bringing.caller(f"Bearer {mine}", None).is_private
        gate.shelf.is_now(mine, State.ACTIVE)
        gate.advance(7)
    assert gate.shelf.adopted == 40


def test_what_else_goes_wrong_at_the_door_counts_for_nothing(gate: Gate) -> None:
    gate.shelf.does(ALICE, StoreUnavailable())
    for _ in range(11):
        with pytest.raises(StoreUnavailable):
            gate.bringing.caller(f"Bearer {ALICE}", None)
    assert [gate.tries(guess(number), of=gate.bringing) for number in range(10)] == [None] * 10


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
