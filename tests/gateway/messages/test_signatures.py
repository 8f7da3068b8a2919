from __future__ import annotations

import random
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.surfaces.messages.signatures import ROOM, Unsealing, seal, sign


def unseal(signature: object) -> str:
    return Unsealing().read(signature)


@given(st.text())
def test_what_is_sealed_can_be_read_again(thought: str) -> None:
    assert unseal(seal(thought)) == thought


def test_what_is_too_long_for_a_line_keeps_its_end() -> None:
    dice = random.Random(1)
    thought = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(60_000))
    signature = seal(thought)
    assert len(signature) < 50_000
    kept = unseal(signature)
    assert len(kept) > 10_000
    assert thought.endswith(kept)


def test_the_end_of_a_thought_that_says_the_same_again_and_again_is_kept() -> None:
    thought = "".join(f"Step {number}: and so on. " for number in range(300_000))
    kept = unseal(seal(thought))
    assert len(kept) > 100_000
    assert thought.endswith(kept)


@pytest.mark.parametrize("signature", [None, 7, "", "x", "é", "EqQBCkYIBxgCKkB", sign("msg_1"), "a2ltaTp4"])
def test_other_signatures_hold_nothing(signature: object) -> None:
    assert unseal(signature) == ""


def test_what_would_become_large_is_cut_in_all_signatures_of_a_request_together() -> None:
    bomb = b64encode(b"kimi:" + zlib.compress(b"a" * 3_000_000)).decode()
    unsealing = Unsealing()
    found = [len(unsealing.read(bomb)) for _ in range(100)]
    assert found[0] == 3_000_000
    assert sum(found) == ROOM
