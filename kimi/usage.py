"""How many tokens a text is, estimated without a vocabulary.

Kimi's web answers carry no usage, and its vocabulary is a download, so tokens are estimated here.
Kimi K2 first cuts a text into pieces by a published pattern and then splits the rarer pieces further.
`kimi.usage_classes` says what the pieces are and what each costs.

Languages in plain Latin letters (Italian, Dutch, Indonesian) cannot be told from English and come out a quarter to a
third too low.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from kimi.chat import Message
from kimi.usage_classes import PER_HAN, PIECE, PRICES, SEAM, SEGMENT, SHAPES

_PER_MESSAGE: Final = 4
_PER_REPLY: Final = 3
_BLOCK: Final = 1024  # bytes of UTF-8
_LONGEST_KNOWN: Final = 32  # characters
_MOST_KNOWN: Final = 4096
_LONG: Final = 1024  # characters
_COUNTS: Final[dict[bytes, int]] = {}
"""Tokens of long texts: programs send the same instructions, tools and turns with every question."""


def count(text: str) -> int:
    """Tokens of a text: 0 for an empty one, at least 1 for any other."""
    if len(text) < _LONG:
        return _rounded(_weigh(text)) if text else 0
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
    known = _COUNTS.get(digest)
    if known is None:
        if len(_COUNTS) >= _MOST_KNOWN:
            _COUNTS.clear()
        known = _COUNTS[digest] = _rounded(_weigh(text))
    return known


def prompt_tokens(messages: Iterable[Message]) -> int:
    """Tokens of a prompt: its texts, what frames each message, and the opening of the reply."""
    return _PER_REPLY + sum(_PER_MESSAGE + count(message.content) for message in messages)


def framing(messages: int) -> int:
    """Tokens of a prompt of so many messages, but for their texts."""
    return _PER_REPLY + _PER_MESSAGE * messages


class Counter:
    """Counts a text that comes in pieces, as `count` would count the whole.

    Adding a piece costs next to nothing: the counting is done by the block, and when `total` is asked for.
    No more than a block and the last piece are kept.
    Where a whole block has no seam it is cut through, which may add or lose a token.
    """

    __slots__ = ("_pending", "_weight")

    def __init__(self) -> None:
        self._pending = bytearray()  # whatever keeps pieces apart takes ten times as much for the short ones that come
        self._weight = 0

    def add(self, text: str) -> None:
        """Take the next piece."""
        self._pending += text.encode(errors="surrogatepass")
        if len(self._pending) >= _BLOCK:
            self._settle()

    @property
    def total(self) -> int:
        """Tokens of all pieces so far."""
        rest = self._settle()
        return _rounded(self._weight + _weigh(rest)) if self._weight or rest else 0

    def room(self, text: str, tokens: int) -> int:
        """How many characters of `text` can be added for `total` to stay within `tokens`.

        Where that is not all of them, it is up to an end of a token.
        """
        rest = self._settle()
        whole = rest + text
        left = 1000 * tokens + 499 - self._weight
        ends = _ends(whole, left)
        # A token can cost more once what follows it is gone.
        while ends and (ends[-1] > len(rest)) and _weigh(whole[: ends[-1]]) > left:
            ends.pop()
        return max(0, ends[-1] - len(rest)) if ends else 0

    def _settle(self) -> str:
        """Weigh the pending text up to its last seam and let it go; what stands behind it."""
        text = self._pending.decode(errors="surrogatepass")
        seam = SEAM.match(text)
        end = seam.end() if seam else len(text) if len(self._pending) >= _BLOCK else 0
        self._weight += _weigh(text[:end])
        self._pending = bytearray(text[end:].encode(errors="surrogatepass"))
        return text[end:]


def _rounded(weight: int) -> int:
    return max(1, (weight + 500) // 1000)


def _weigh(text: str) -> int:
    """The text's weight in thousandths of a token."""
    if text.isascii():
        text = text.translate(SHAPES)
        if not ("  " in text or "\n " in text or "\t " in text):  # every space is a seam
            first, *others = text.split(" ")
            return _SEGMENTS[first] + sum(map(_SPACED_SEGMENTS.__getitem__, others))
    segments = SEGMENT.findall(text)
    han = len(text) - sum(map(len, segments))
    return PER_HAN * han + sum(map(_SEGMENTS.__getitem__, segments))


class _Weights(dict[str, int]):
    """What segments weigh behind `before`: most of those in a text have been met already, so no pattern is needed."""

    def __init__(self, before: str = "") -> None:
        super().__init__()
        self._before = before

    def __missing__(self, segment: str) -> int:
        weight = sum(map(_price, PIECE.finditer(self._before + segment)))
        if len(segment) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[segment] = weight
        return weight


_SEGMENTS: Final = _Weights()
_SPACED_SEGMENTS: Final = _Weights(" ")


def _price(piece: re.Match[str]) -> int:
    group = piece.lastindex or 0
    start, end = piece.span(group)
    _, first, free, each = PRICES[group]
    length = end - start
    return first + each * (length - free) if length > free else first


def _ends(text: str, weight: int) -> list[int]:
    """Where tokens end in as much of the text as weighs no more than `weight`."""
    ends = []
    for piece in PIECE.finditer(text):
        weight -= _price(piece)
        if weight < 0:
            _, first, _, each = PRICES[piece.lastindex or 0]
            if not first:  # paid for by the character
                ends.append(piece.end() + weight // each)
            return ends
        ends.append(piece.end())
    ends.append(len(text))
    return ends
