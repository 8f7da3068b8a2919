"""Clients that bring refresh tokens along: whom they are served by, and what is refused."""

from __future__ import annotations

import pytest

from gateway.auth import ClientKeys
from gateway.errors import BadRequest, TokenRefused, TooManyNewTokens, UnknownKey
from gateway.guesses import OPEN
from gateway.newcomers import NEW_A_MINUTE
from gateway.passthrough import MOST_TOKENS, PassThrough, Strangers, refresh_tokens
from kimi.accounts import Kind, State
from kimi.errors import StoreUnavailable
from kimi.pool.private import Adoption
from tests.gateway.bringing import ALICE, BOB, CAROL, Shelf, name_of, token
from tests.gateway.fakes import Clock


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(shelf: Shelf, clock: Clock) -> PassThrough:
    return PassThrough(ClientKeys(["client-key"]), Strangers(shelf, Kind.KIMI, monotonic=clock), OPEN)


def test_a_client_key_is_a_client_key(door: PassThrough, shelf: Shelf) -> None:
    caller = door.caller("Bearer client-key", None)
    assert (caller.client, caller.accounts, caller.pool) == (1, (), None)
    assert shelf.adopted == 0


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_an_unknown_bearer_is_a_token_that_is_adopted(door: PassThrough, header: str) -> None:
    caller = door.caller(f"Bearer {ALICE}", None) if header == "authorization" else door.caller(None, ALICE)
    assert caller.client == "passthrough" and caller.is_private
    assert caller.accounts == (name_of(ALICE),)
    assert caller.pool is not None and caller.pool.routes == {"kimi"}


def test_a_known_token_is_not_adopted_again(door: PassThrough, shelf: Shelf) -> None:
    for _ in range(3):
        door.caller(f"Bearer {ALICE}", None)
    assert shelf.adopted == 1


def test_several_tokens_are_one_client_in_whatever_order(door: PassThrough) -> None:
    both = door.caller(f"Bearer {ALICE}, {BOB}", None)
    assert both.accounts == (name_of(ALICE), name_of(BOB))
    assert both.scope == door.caller(f"Bearer {BOB},{ALICE},{ALICE}", None).scope
    assert both.scope != door.caller(f"Bearer {ALICE}", None).scope
    assert "eyJ" not in both.scope


@pytest.mark.parametrize(
    "garbage", ["", "wrong", "sk-abcdefgh", "eyJhbGciOi", "eyJ.eyJ.x", token("a", "access"), "a b,c", "{", None]
)
def test_what_no_token_can_be_is_an_unknown_key(door: PassThrough, shelf: Shelf, garbage: str | None) -> None:
    with pytest.raises(UnknownKey):
        door.caller(None if garbage is None else f"Bearer {garbage}", None)
    assert shelf.adopted == 0


def test_garbage_beside_a_token_does_no_harm() -> None:
    assert refresh_tokens(f"sk-abcdefgh, {ALICE},, eyJ.., Bearer {BOB}") == (ALICE, BOB)


def test_not_any_number_of_parts_is_looked_at() -> None:
    garbage = "x," * MOST_TOKENS
    assert refresh_tokens(f"{garbage}{ALICE}") == (ALICE,)
    assert refresh_tokens(f"{garbage}x,{ALICE}") == ()


@pytest.mark.parametrize("state", [State.DEAD, State.BANNED])
def test_the_living_serve_beside_the_dead(door: PassThrough, shelf: Shelf, state: State) -> None:
    shelf.is_now(ALICE, state)
    shelf.is_now(BOB, State.ACTIVE)
    assert door.caller(f"Bearer {ALICE},{BOB}", None).accounts == (name_of(BOB),)


def test_only_when_all_are_dead_the_client_is_refused(door: PassThrough, shelf: Shelf) -> None:
    shelf.is_now(ALICE, State.DEAD)
    shelf.is_now(BOB, State.BANNED)
    with pytest.raises(TokenRefused, match="log in to Kimi again"):
        door.caller(f"Bearer {ALICE},{BOB}", None)
    assert door.caller(f"Bearer {ALICE},{BOB},{CAROL}", None).accounts == (name_of(CAROL),)


def test_a_token_of_the_operators_is_refused_with_the_reason(door: PassThrough, shelf: Shelf) -> None:
    shelf.does(ALICE, Adoption.CONFIGURED)
    with pytest.raises(TokenRefused, match="operator"):
        door.caller(f"Bearer {ALICE}", None)
    assert door.caller(f"Bearer {ALICE},{BOB}", None).accounts == (name_of(BOB),)


def test_a_token_that_another_pool_has_is_refused_with_the_reason(door: PassThrough, shelf: Shelf) -> None:
    shelf.does(ALICE, Adoption.ELSEWHERE)
    with pytest.raises(TokenRefused, match="Another gateway has this token"):
        door.caller(f"Bearer {ALICE}", None)
    assert door.caller(f"Bearer {ALICE},{BOB}", None).accounts == (name_of(BOB),)


def test_a_worker_takes_only_so_many_new_ones_a_minute(door: PassThrough, clock: Clock) -> None:
    for number in range(NEW_A_MINUTE):
        door.caller(f"Bearer {token(str(number))}", None)
    clock.advance(20)
    with pytest.raises(TooManyNewTokens) as caught:
        door.caller(f"Bearer {ALICE}", None)
    assert caught.value.retry_after == 40
    assert door.caller(f"Bearer {token('0')}", None).is_private
    assert door.caller(f"Bearer {token('0')},{ALICE}", None).accounts == (name_of(token("0")),)
    clock.advance(40)
    assert door.caller(f"Bearer {ALICE}", None).accounts == (name_of(ALICE),)


@pytest.mark.parametrize("outcome", [Adoption.FULL, Adoption.LATER])
def test_one_that_cannot_be_taken_now_may_come_back(door: PassThrough, shelf: Shelf, outcome: Adoption) -> None:
    shelf.does(ALICE, outcome)
    with pytest.raises(TooManyNewTokens):
        door.caller(f"Bearer {ALICE}", None)


def test_without_redis_only_known_ones_go_on(door: PassThrough, shelf: Shelf) -> None:
    door.caller(f"Bearer {ALICE}", None)
    shelf.does(BOB, StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        door.caller(f"Bearer {BOB}", None)
    assert door.caller(f"Bearer {BOB},{ALICE}", None).accounts == (name_of(ALICE),)


def test_one_that_could_not_be_kept_is_none_of_those_of_a_minute(door: PassThrough, shelf: Shelf) -> None:
    shelf.does(ALICE, StoreUnavailable())
    for _ in range(NEW_A_MINUTE):
        with pytest.raises(StoreUnavailable):
            door.caller(f"Bearer {ALICE}", None)
    assert door.caller(f"Bearer {BOB}", None).is_private


def test_without_redis_one_that_was_taken_the_moment_before_is_not_known(door: PassThrough, shelf: Shelf) -> None:
    shelf.forgets = True
    with pytest.raises(StoreUnavailable):
        door.caller(f"Bearer {ALICE}", None)


def test_there_is_a_limit_to_what_one_client_may_bring(door: PassThrough, shelf: Shelf) -> None:
    with pytest.raises(BadRequest, match=str(MOST_TOKENS)):
        door.caller("Bearer " + ",".join(token(str(number)) for number in range(MOST_TOKENS + 1)), None)
    assert shelf.adopted == 0


@pytest.mark.parametrize(("state", "is_proven"), [(State.NEW, False), (State.ACTIVE, True)])
def test_a_token_is_proven_once_kimi_has_taken_it(
    door: PassThrough, shelf: Shelf, state: State, *, is_proven: bool
) -> None:
    shelf.is_now(ALICE, state)
    assert door.caller(f"Bearer {ALICE}", None).is_proven is is_proven
