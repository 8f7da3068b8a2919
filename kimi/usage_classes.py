"""The classes of pieces that a text is cut into for its tokens to be estimated, and what a piece of each costs.

They follow the published pattern of Kimi K2 closely enough to find the pieces, and charge each by its class and length.

The weights of a Chinese character, of its punctuation, of a word, of a newline and of a symbol glued to a word were
fitted to Kimi's own vocabulary.
Digits follow the pattern itself: three to a token, and a space before them is a token of its own.
The other classes were fitted to passages counted with o200k_base (GPT-4o) and with Qwen's vocabulary, each count
scaled by how many more tokens Kimi K2 needs for that language.
The passages, the counts and the factors are in `tests/data/usage`.
For base64, emoji and runs of one symbol there is no such factor: they follow the two other vocabularies as they are.
"""

from __future__ import annotations

import re
import string
from typing import Final, NamedTuple

PER_HAN: Final = 626
"""Of everyday Chinese, in thousandths of a token."""


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
    _Class(f"[{_EVERYDAY_HAN}]++", 0, 0, PER_HAN),
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
PIECE: Final = re.compile("[ ]?+(?:" + "|".join(f"(?P<class_{n}>{c.pattern})" for n, c in enumerate(_CLASSES)) + ")")
"""One piece, as the group of its class."""
PRICES: Final = {PIECE.groupindex[f"class_{n}"]: c for n, c in enumerate(_CLASSES)}
"""The classes by their groups."""
_OTHER: Final = rf"[^\s{_EVERYDAY_HAN}]"
SEGMENT: Final = re.compile(rf"[{_EVERYDAY_HAN}]*+(\s*+{_OTHER}*+(?:[^\S ]\s*+(?:(?<=\n)|{_OTHER}*+))*+)")
"""What stands between everyday Chinese characters and from one seam to the next.

No price in it depends on anything outside of it. Seams are before a space that follows something else, and after the
newlines that end a line.
"""
SHAPES: Final = str.maketrans(
    string.ascii_lowercase + string.ascii_uppercase + string.digits + "\v\f\r\x1c\x1d\x1e\x1f",
    "a" * 26 + "A" * 26 + "1" * 10 + "\t" * 7,
)
"""Classes tell no letter of ASCII from another of its case, no digit from another, and no blank but the newline."""
SEAM: Final = re.compile(r"(?s:.*)(?:\S(?=[ ])|\n(?=\S)|[\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f](?=\w))")
"""Up to the last place where a text can be cut so that no piece is.

That is before a space that follows something, after a newline, or after the end of a Chinese clause.
"""
