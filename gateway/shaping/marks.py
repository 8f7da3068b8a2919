"""Citation marks in a text that comes in pieces.

Classic marks are `[^3^]`; those of the Connect dialect are U+E3A0, `cite`, U+E3A3, a key, perhaps further ones each
behind a U+E3A3 of its own, U+E3A8. Both are as public clients of the web chat have seen them, cut anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from gateway.code_spans import CodeSpans

LONGEST: Final = 1_024
"""A private-use mark with more characters than these between its ends is none. Its keys can quote pages."""
_OPENS, _PARTS, _CLOSES = "\ue3a0", "\ue3a3", "\ue3a8"
_WORDS = ":~:"  # behind it a key may quote the page

# In one pass from the left: what may go on in the next piece, then what is complete.
_TOKEN: Final = re.compile(
    rf"(?P<begun>`{{1,7}}\Z|\[(?:\^(?:\d{{1,6}}\^?)?)?\Z|{_OPENS}[^{_OPENS}{_CLOSES}\n]{{0,{LONGEST}}}\Z)"
    r"|(?P<backticks>`{1,8})"
    r"|(?P<newline>\n)"
    r"|\[\^(?P<classic>\d{1,6})\^\]"
    rf"|{_OPENS}(?P<private>[^{_OPENS}{_CLOSES}\n]{{0,{LONGEST}}}{_CLOSES}?)"
    rf"|(?P<stray>[{_PARTS}{_CLOSES}])"
)

_PRIVATE: Final = re.compile(rf"{_OPENS}[^{_OPENS}{_CLOSES}\n]{{0,{LONGEST}}}{_CLOSES}?|[{_PARTS}{_CLOSES}]")

Cite = Callable[[Sequence[str], int], str]
"""Gets the keys of a mark and where in the text it stands; gives what is shown in its place."""


def unmarked(text: str) -> str:
    """`text` without marks of the Connect dialect, where they cannot become links."""
    return text if text.isascii() else _PRIVATE.sub("", text)


class Marks:
    """Puts something else in the place of marks, and shows the rest as it is.

    Classic marks in code are code. Private-use characters are never shown, whatever they stand for.
    What is shown does not depend on how the text is cut into pieces.
    """

    __slots__ = ("_busy", "_cite", "_code", "_held", "_last", "at")

    def __init__(self, cite: Cite) -> None:
        self.at = 0  # characters shown so far
        self._cite = cite
        self._held = ""  # what may be the beginning of a mark
        self._code = CodeSpans()
        self._last = ""  # the latest piece that was shown
        self._busy = False  # the next piece concerns us, whatever is in it

    def feed(self, text: str) -> str:
        """What can be shown now that `text` has come; `text` itself where it does not concern us."""
        if self._busy or "[" in text or "`" in text:
            return self._read(text)
        if not text.isascii() and (_OPENS in text or _PARTS in text or _CLOSES in text):
            return self._read(text)
        self.at += len(text)
        self._last = text or self._last
        return text

    def close(self) -> str:
        """What is shown of a mark that has not ended with the text."""
        rest, self._held = self._held, ""
        rest = "" if rest.startswith(_OPENS) else rest
        self.at += len(rest)
        return rest

    def _read(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        shown: list[str] = []
        done = 0
        for token in _TOKEN.finditer(text):
            self._show(text[done : token.start()], shown)
            done = token.end()
            if token["begun"]:
                self._held = token["begun"]
            else:
                self._show(self._instead(token), shown)
        self._show(text[done:], shown)
        self._busy = bool(self._held) or self._code.has_run
        return "".join(shown)

    def _show(self, text: str, shown: list[str]) -> None:
        if text:
            shown.append(text)
            self.at += len(text)
            self._last = text

    def _instead(self, token: re.Match[str]) -> str:
        match token.lastgroup:
            case "backticks":
                self._code.run(token[0])
                return token[0]
            case "newline":
                self._code.newline()
                return token[0]
            case "classic":
                return token[0] if self._code.within else self._cited([token["classic"]])
            case "private" if token[0].endswith(_CLOSES) and not self._code.within:
                word, *keys = token["private"].removesuffix(_CLOSES).split(_PARTS)
                return self._cited([key.partition(_WORDS)[0] for key in keys]) if word.strip() == "cite" else ""
        return ""

    def _cited(self, keys: Sequence[str]) -> str:
        # Behind an exclamation mark a link would be an image.
        gap = " " if self._last.endswith("!") else ""
        link = self._cite(keys, self.at + len(gap))
        return gap + link if link else ""
