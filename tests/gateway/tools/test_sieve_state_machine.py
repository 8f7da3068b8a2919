"""A text that comes in any pieces, against a plain reading of all that has come so far."""

from __future__ import annotations

import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.tools.sieve import LONGEST_SPAN, Found, Sieve
from tests.gateway.tools.reference import joined, reference
from tests.gateway.tools.tagged import SEAL
from tests.gateway.tools.test_sieve import PARTS

MOST_HELD = 2 * LONGEST_SPAN
"""Characters: code in a line, or the head of a call, and the marks on both sides."""
PIECES = st.lists(st.sampled_from(PARTS), max_size=6).map("".join) | st.text(max_size=8)


class Calling(RuleBasedStateMachine):
    """The sieve takes calls out."""

    only_hides = False

    def __init__(self) -> None:
        super().__init__()
        self.sieve = Sieve(SEAL.knows, only_hides=self.only_hides)
        self.came = ""
        self.found: list[Found] = []

    @rule(piece=PIECES, cut=st.integers(0, 40))
    def feed(self, piece: str, cut: int) -> None:
        for part in (piece[:cut], piece[cut:]):
            self.found += self.sieve.feed(part)
            self.came += part

    @invariant()
    def an_end_here_would_bring_what_a_plain_reading_finds_and_little_text(self) -> None:
        ending = copy.deepcopy(self.sieve, {id(SEAL): SEAL})
        held_back = ending.close()
        assert joined([*self.found, *held_back]) == self.expected()
        assert sum(len(one) for one in held_back if isinstance(one, str)) <= MOST_HELD

    def expected(self) -> list[Found]:
        return reference(self.came)


class Hiding(Calling):
    """The sieve only hides the marks."""

    only_hides = True

    def expected(self) -> list[Found]:
        sieve = Sieve(SEAL.knows, only_hides=True)
        whole = joined([*sieve.feed(self.came), *sieve.close()])
        assert all(isinstance(one, str) for one in whole)
        return whole


@pytest.mark.parametrize("machine", [Calling, Hiding])
def test_the_sieve_does_what_its_model_does(machine: type[Calling]) -> None:
    examples = settings().max_examples // 3  # reading plainly takes long
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=10))
