"""How many tokens a text is, estimated without a vocabulary.

Kimi's web answers carry no usage, and its vocabulary is a download, so tokens are estimated here.
Kimi K2 first cuts a text into pieces by a published pattern and then splits the rarer pieces further.
`_CLASSES` follows that pattern closely enough to find the pieces, and charges each by its class and length.

The weights of a Chinese character, of its punctuation, of a word, of a newline and of a symbol glued to a word were
fitted to Kimi's own vocabulary.
Digits follow the pattern itself: three to a token, and a space before them is a token of its own.
The other classes were fitted to passages counted with o200k_base (GPT-4o) and with Qwen's vocabulary, each count
scaled by how many more tokens Kimi K2 needs for that language.
The passages, the counts and the factors are in `tests/data/usage`.
For base64, emoji and runs of one symbol there is no such factor: they follow the two other vocabularies as they are.

Languages in plain Latin letters (Italian, Dutch, Indonesian) cannot be told from English and come out a quarter to a
third too low.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

from kimi.chat import Message

_PER_MESSAGE: Final = 4
_PER_REPLY: Final = 3
_BLOCK: Final = 1024  # bytes of UTF-8
_PER_HAN: Final = 626  # of everyday Chinese, in thousandths of a token
_LONGEST_KNOWN: Final = 32  # characters
_MOST_KNOWN: Final = 4096
_LONG: Final = 1024  # characters
_COUNTS: Final[dict[bytes, int]] = {}
"""Tokens of long texts: programs send the same instructions, tools and turns with every question."""


class _Class(NamedTuple):
    """A kind of piece and its price: `first` for up to `free` characters, `each` for a further one.

    Prices are in thousandths of a token, so that sums are exact however a text is cut.
    """

    pattern: str
    first: int
    free: int
    each: int


# GB 2312 is everyday simplified Chinese; traditional and rare characters, outside it, seldom share a token.
_EVERYDAY_HAN: Final = "".join(
    bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)
)
# Vietnamese letters with two marks are so many to a word that they cost no more than plain ones.
_LOWER: Final = r"a-z\u01a1\u01b0\u1e00-\u1eff"
_SYMBOL: Final = r"[!-/:-@\[-`{-~]"
_BASE64: Final = r"[A-Za-z\d+/_-]"

# The first class that fits takes the piece. The space before a piece belongs to it and costs nothing by itself.
# Lookaheads are bounded and repetitions possessive, so that the time stays linear whatever the text.
_CLASSES: Final = (
    _Class(rf"[A-Z]?[{_LOWER}]++(?![A-Z\d+/_-])", 978, 5, 90),
    # Base64: mixed case and a digit soon, but no long word.
    _Class(
        rf"(?={_BASE64}{{32}})(?=[a-z\d+/_-]{{0,16}}[A-Z])(?=[A-Z\d+/_-]{{0,16}}[a-z])(?=[A-Za-z+/_-]{{0,24}}\d)"
        rf"(?!{_BASE64}{{0,24}}[a-z]{{8}}){_BASE64}++={{0,2}}+",
        0,
        0,
        700,
    ),
    _Class(rf"[A-Z]?[{_LOWER}]++", 978, 5, 90),
    _Class(r"[A-Z]++", 750, 2, 130),
    _Class(r"(?<=[ ])\d{1,3}+", 2000, 3, 0),
    _Class(r"\d{1,3}+", 1000, 3, 0),
    # Rules across a page have long tokens of their own, other repeated symbols shorter ones.
    _Class(r"(?P<rule>[=\-_*#.~+/])(?P=rule){3,}+\n*+", 1200, 16, 18),
    _Class(r"(?P<same>[^\w\s\U00010000-\U0010ffff])(?P=same){4,}+\n*+", 1200, 6, 200),
    _Class(rf"(?<![ ]){_SYMBOL}(?=[A-Za-z])", 482, 1, 0),
    _Class(rf"{_SYMBOL}{{1,4}}+\n*+", 950, 2, 250),
    _Class(r"\s*\n", 1229, 16, 50),
    _Class(r"[^\S\n]++", 800, 80, 10),
    _Class(f"[{_EVERYDAY_HAN}]++", 0, 0, _PER_HAN),
    _Class(r"[\u2010-\u2027\u3000-\u303f\u30fb\uff01-\uff65\uffe0-\uffee]", 798, 1, 0),
    _Class(r"[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]++", 0, 0, 720),
    _Class(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", 1900, 1, 0),
    _Class(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff]++", 1750, 1, 700),
    _Class(r"[\u0400-\u052f]++", 1185, 1, 285),
    _Class(r"[\u0620-\u065f\u066e-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe]++", 1150, 1, 370),
    _Class(r"[\u0591-\u05ff]++", 750, 1, 680),
    _Class(r"[\u0370-\u03ff\u1f00-\u1fff]++", 800, 1, 670),
    _Class(r"[\u0900-\u097f]++", 1130, 1, 560),
    _Class(r"[\u0e00-\u0e7f]++", 0, 0, 750),
    # Armenian, Bengali, Tamil, Georgian, Burmese, Khmer and their like.
    _Class(r"[\u0531-\u0590\u0700-\u074f\u0780-\u08ff\u0980-\u0dff\u0e80-\u1cff]++", 0, 0, 900),
    # Words of other languages cost more than English ones and only their accents tell them apart:
    # an accented letter pays for its neighbours, most of all where accents are few.
    _Class(r"[\u00c4-\u00c6\u00d8\u00df\u00e4-\u00e6\u00f8]++", 0, 0, 6000),
    _Class(r"[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]++", 0, 0, 2200),
    # Accents by themselves, joiners, variation selectors and skin tones; emoji and whatever is as rare.
    _Class(r"[\u0300-\u036f\u200d\u20e3\ufe0f\U0001f3fb-\U0001f3ff]++", 0, 0, 800),
    _Class(r"[\u2600-\u27bf\u2b00-\u2bff\U00010000-\U0001f3fa\U0001f400-\U0010ffff]++", 0, 0, 2000),
    _Class(r"\S", 1200, 1, 0),
)
_PIECE: Final = re.compile("[ ]?+(?:" + "|".join(f"(?P<class_{n}>{c.pattern})" for n, c in enumerate(_CLASSES)) + ")")
_PRICES: Final = {_PIECE.groupindex[f"class_{n}"]: c for n, c in enumerate(_CLASSES)}
# What stands between everyday Chinese characters and from one seam to the next: no price in it depends on anything
# outside of it. Seams are before a space that follows something else, and after the newlines that end a line.
_OTHER: Final = rf"[^\s{_EVERYDAY_HAN}]"
_SEGMENT: Final = re.compile(rf"[{_EVERYDAY_HAN}]*+(\s*+{_OTHER}*+(?:[^\S ]\s*+(?:(?<=\n)|{_OTHER}*+))*+)")
# Classes tell no letter of ASCII from another of its case, no digit from another, and no blank but the newline.
_SHAPES: Final = str.maketrans(
    string.ascii_lowercase + string.ascii_uppercase + string.digits + "\v\f\r\x1c\x1d\x1e\x1f",
    "a" * 26 + "A" * 26 + "1" * 10 + "\t" * 7,
)
# Where a text can be cut so that no piece is: before a space that follows something, after a newline, after the end
# of a Chinese clause.
_SEAM: Final = re.compile(r"(?s:.*)(?:\S(?=[ ])|\n(?=\S)|[\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f](?=\w))")


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
        seam = _SEAM.match(text)
        end = seam.end() if seam else len(text) if len(self._pending) >= _BLOCK else 0
        self._weight += _weigh(text[:end])
        self._pending = bytearray(text[end:].encode(errors="surrogatepass"))
        return text[end:]


def _rounded(weight: int) -> int:
    return max(1, (weight + 500) // 1000)


def _weigh(text: str) -> int:
    """The text's weight in thousandths of a token."""
    if text.isascii():
        text = text.translate(_SHAPES)
        if not ("  " in text or "\n " in text or "\t " in text):  # every space is a seam
            first, *others = text.split(" ")
            return _SEGMENTS[first] + sum(map(_SPACED_SEGMENTS.__getitem__, others))
    segments = _SEGMENT.findall(text)
    han = len(text) - sum(map(len, segments))
    return _PER_HAN * han + sum(map(_SEGMENTS.__getitem__, segments))


class _Weights(dict[str, int]):
    """What segments weigh behind `before`: most of those in a text have been met already, so no pattern is needed."""

    def __init__(self, before: str = "") -> None:
        super().__init__()
        self._before = before

    def __missing__(self, segment: str) -> int:
        weight = sum(map(_price, _PIECE.finditer(self._before + segment)))
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
    _, first, free, each = _PRICES[group]
    length = end - start
    return first + each * (length - free) if length > free else first


def _ends(text: str, weight: int) -> list[int]:
    """Where tokens end in as much of the text as weighs no more than `weight`."""
    ends = []
    for piece in _PIECE.finditer(text):
        weight -= _price(piece)
        if weight < 0:
            _, first, _, each = _PRICES[piece.lastindex or 0]
            if not first:  # paid for by the character
                ends.append(piece.end() + weight // each)
            return ends
        ends.append(piece.end())
    ends.append(len(text))
    return ends
