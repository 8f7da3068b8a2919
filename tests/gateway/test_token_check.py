"""Whether a refresh token is good: adopted and looked at, or the operator's and looked up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from gateway.errors import BadRequest, TokenUndecided, TooManyNewTokens
from gateway.guesses import OPEN
from gateway.newcomers import AT_ONCE, NEW_A_MINUTE
from gateway.passthrough import MOST_TOKENS, Strangers
from gateway.token_check import SECONDS, TokenCheck
from gateway.views.tokens import MOST
from kimi.accounts import Account, Kind, Record, State
from kimi.errors import StoreUnavailable
from kimi.pool.fingerprints import fingerprint
from kimi.pool.private import Adoption
from tests.gateway.bringing import ALICE, BOB, Shelf, token
from tests.gateway.fakes import AUTHORIZED, Clock, House

URL = "/token/check"
OPERATORS = Record(
    account=Account(name="a", kind=Kind.KIMI),
    state=State.ACTIVE,
    version=2,
    stored_refresh="x",
    fingerprint=fingerprint(ALICE),
)


@dataclass
class Bench:
    """A check over a shelf, whose pauses pass on a clock; after each of them `then` happens."""

    shelf: Shelf = field(default_factory=Shelf)
    clock: Clock = field(default_factory=Clock)
    records: list[Record] = field(default_factory=list)
    verdicts: list[tuple[str, State]] = field(default_factory=list)

    def __post_init__(self) -> None:
        strangers = Strangers(self.shelf, Kind.KIMI, monotonic=self.clock)
        self.check = TokenCheck(strangers, lambda _: self.records, OPEN, pause=self.pause, monotonic=self.clock)

    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.verdicts:
            self.shelf.is_now(*self.verdicts.pop(0))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("state", "live"), [(State.ACTIVE, True), (State.DEAD, False), (State.BANNED, False)])
def test_a_token_that_nobody_knows_is_adopted_and_waited_for(bench: Bench, state: State, *, live: bool) -> None:
    bench.verdicts = [(ALICE, State.NEW), (ALICE, state)]
    assert bench.check.is_live(ALICE) is live
    assert bench.shelf.adopted == 1


def test_a_token_that_is_known_is_not_tried_again(bench: Bench) -> None:
    bench.shelf.is_now(ALICE, State.ACTIVE)
    bench.shelf.is_now(BOB, State.DEAD)
    assert bench.check.is_live(ALICE)
    assert not bench.check.is_live(BOB)
    assert bench.check.is_live(f"{BOB}, {ALICE}")
    assert bench.shelf.adopted == 0


def test_without_a_verdict_nothing_is_said(bench: Bench) -> None:
    with pytest.raises(TokenUndecided):
        bench.check.is_live(ALICE)
    assert SECONDS <= bench.clock.now - 1_000.0 <= SECONDS + 2


@pytest.mark.parametrize("garbage", ["", "x", "sk-abcdefgh", token("a", "access")])
def test_what_no_token_can_be_is_not_good(bench: Bench, garbage: str) -> None:
    assert not bench.check.is_live(garbage)
    assert bench.shelf.adopted == 0


@pytest.mark.parametrize(("state", "live"), [(State.ACTIVE, True), (State.DEAD, False)])
def test_the_operators_token_is_looked_up(bench: Bench, state: State, *, live: bool) -> None:
    bench.shelf.does(ALICE, Adoption.CONFIGURED)
    bench.records = [replace(OPERATORS, configured=False), replace(OPERATORS, state=state)]
    assert bench.check.is_live(ALICE) is live


def test_one_that_the_operator_has_just_taken_out_is_undecided(bench: Bench) -> None:
    bench.shelf.does(ALICE, Adoption.CONFIGURED)
    with pytest.raises(TokenUndecided):
        bench.check.is_live(ALICE)


def test_of_one_that_another_pool_has_nothing_is_known(bench: Bench) -> None:
    bench.shelf.does(ALICE, Adoption.ELSEWHERE)
    started = bench.clock.now
    with pytest.raises(TokenUndecided):
        bench.check.is_live(ALICE)
    assert bench.clock.now == started


def test_without_redis_nothing_is_said(bench: Bench) -> None:
    bench.shelf.does(ALICE, StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        bench.check.is_live(ALICE)


def test_strangers_cannot_have_many_checked(bench: Bench) -> None:
    bench.verdicts = [(token(str(number)), State.DEAD) for number in range(NEW_A_MINUTE)]
    for number in range(NEW_A_MINUTE):
        assert not bench.check.is_live(token(str(number)))
    with pytest.raises(TooManyNewTokens):
        bench.check.is_live(ALICE)


def test_many_tokens_are_looked_at_together_and_more_are_refused(bench: Bench) -> None:
    dead = [token(str(number)) for number in range(MOST_TOKENS)]
    for each in dead:
        bench.shelf.is_now(each, State.DEAD)
    assert not bench.check.is_live(",".join(dead))
    assert bench.shelf.noticed == 1
    with pytest.raises(BadRequest, match=str(MOST_TOKENS)):
        bench.check.is_live(",".join([*dead, ALICE]))
    assert bench.shelf.noticed == 1


def test_of_many_new_tokens_the_last_is_found_too(bench: Bench) -> None:
    mine = [token(str(number)) for number in range(AT_ONCE + 2)]
    bench.verdicts = [(each, State.DEAD) for each in mine[:-1]] + [(mine[-1], State.ACTIVE)]
    assert bench.check.is_live(",".join(mine))


def test_the_endpoint_takes_a_client_key() -> None:
    house = House()
    house.pool.live = {"good"}
    assert house.client.post(URL, json={"token": "good"}).status_code == 401
    for text, live in (("good", True), ("bad", False)):
        assert house.client.post(URL, json={"token": text}, headers=AUTHORIZED).get_json() == {"live": live}


def test_the_endpoint_is_open_where_tokens_are_keys() -> None:
    house = House(gateway_passthrough="1")
    house.pool.live = {"good"}
    assert house.client.post(URL, json={"token": "good"}).get_json() == {"live": True}


def test_strangers_send_no_long_bodies() -> None:
    house = House(gateway_passthrough="1")
    assert house.client.post(URL, json={"token": "x" * (MOST - 20)}).get_json() == {"live": False}
    assert house.client.post(URL, json={"token": "x" * MOST}).status_code == 413


@pytest.mark.parametrize("body", [{}, {"token": None}, {"token": 5}])
def test_a_token_has_to_be_given(body: dict[str, object]) -> None:
    response = House().client.post(URL, json=body, headers=AUTHORIZED)
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, "token")
