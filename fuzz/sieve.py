"""The sieve that finds calls in what a model writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fuzz.pieces import ways
from gateway.tools.sieve import Found, Sieve
from tests.gateway.tools.reference import joined, reference
from tests.gateway.tools.tagged import SEAL, T

WORDS: Final = (
    *(b"<|tool_calls_section_begin|>", b"<|tool_call_begin|>", b"<|tool_call_argument_begin|>", b"<|tool_call_end|>"),
    *(b"<|tool_calls_section_end|>", b"<|tool_call_section_end|>", b"<|tool_", b"functions.a:0", b"<call-", b"</call-"),
    *(b"<call-\xc2\xa7", b"</call-\xc2\xa7>", b"<result-\xc2\xa7", b"```", b"~~~", b"``", b"\n", b"- ", b"{}", b"/>"),
    *(b' name="a">', b"x" * 30),
)


def seeds() -> Iterable[bytes]:
    """A word each."""
    return (b"\7" + word for word in WORDS)


def check(data: bytes) -> None:
    """The first byte says how the text behind it is cut, in which § is a trigger that is known.

    Bytes that are not UTF-8 are left out.
    """
    text = data[1:].decode(errors="ignore").replace("§", T)
    expected = reference(text)
    for pieces in ways(text, data[0] if data else 0):
        assert joined(_sieved(pieces, only_hides=False)) == expected
        hidden = joined(_sieved(pieces, only_hides=True))
        assert all(isinstance(one, str) for one in hidden)


def _sieved(pieces: Sequence[str], *, only_hides: bool) -> list[Found]:
    sieve = Sieve(SEAL.knows, only_hides=only_hides)
    return [*(one for piece in pieces for one in sieve.feed(piece)), *sieve.close()]
