"""Clients that bring wrong tokens, and those beside them who bring good ones."""

from __future__ import annotations

import pytest

from gateway.errors import TokenUndecided, TooManyNewTokens, TooManyWrongKeys
from gateway.newcomers import AT_ONCE, SHARE
from gateway.token_check import TokenCheck
from kimi.accounts import State
from kimi.errors import StoreUnavailable
from tests.gateway.bringing import ALICE, BOB, token
from tests.gateway.guessing import HERE, Gate, guess


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
    check = TokenCheck(gate.strangers, lambda _: (), gate.guesses, pause=gate.advance, monotonic=gate.ticks)
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

    check = TokenCheck(gate.strangers, lambda _: (), gate.guesses, seconds=1, pause=pause, monotonic=gate.ticks)

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
