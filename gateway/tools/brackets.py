"""JSON in which nothing but commas and brackets is wrong.

Libraries that repair JSON were looked at: they guess (quotes, keys, the rest of a word), and the best known one takes
five seconds for 64 KiB of opening brackets, during which a worker does nothing else. Here every string and every number
stays where it was written, and the work grows as the text does.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

MOST_OPEN: Final = 256
"""So many brackets can be open at once."""
MOST_TOKENS: Final = 20_000
"""A text with more of them would hold up all requests of a worker."""
_TOKEN: Final = re.compile(
    r'(?P<blank>\s+)|(?P<text>"(?:[^"\\]++|\\.)*+")|(?P<open>[{\[])|(?P<close>[}\]])|(?P<mark>[,:])|(?P<bare>[^\s{}\[\],:"]+)'
    r"|(?P<broken>.)",
    re.DOTALL,
)
_CLOSER: Final = {"{": "}", "[": "]"}
_PYTHON: Final = {"True": "true", "False": "false", "None": "null"}
_CONTROL: Final = {number: f"\\u{number:04x}" for number in range(0x20)}
_VALUE: Final = frozenset({"text", "bare", "close"})
"""What a value can end with."""
_STARTS: Final = frozenset({"text", "bare", "open"})
"""What one can start with."""


def mended(text: str) -> Any:
    """What `text` means when commas and closing brackets that are missing are put in, and commas too many left out.

    Raises `ValueError` where that does not help, could be meant in two ways, or takes too long.
    """
    writing = _Writing()
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number == MOST_TOKENS:
            raise ValueError("it is too long to be put right")
        writing.take(token.lastgroup or "", token[0])
    return orjson.loads(writing.end())


class _Writing:
    """Writes what was read as JSON."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._awaited: list[str] = []  # closing brackets
        self._last = ""  # the kind of the last token
        self._is_new_line = False

    def take(self, kind: str, said: str) -> None:
        if kind == "blank":
            self._is_new_line = "\n" in said
            return
        if kind == "broken":
            raise ValueError("a string does not end")
        if kind == "close":
            self._close_up_to(said)
        else:
            # Between two strings nobody knows whether it is not a quotation mark that should have been escaped.
            if self._last in _VALUE and kind in _STARTS and (self._last != "text" or self._is_new_line):
                self._written.append(",")
            if kind == "open":
                self._open(_CLOSER[said])
            self._written.append(_PYTHON.get(said, said.translate(_CONTROL)))
        self._last, self._is_new_line = kind, False

    def end(self) -> str:
        """All of it."""
        while self._awaited:
            self._close_unsaid()
        return "".join(self._written)

    def _open(self, closer: str) -> None:
        self._awaited.append(closer)
        if len(self._awaited) > MOST_OPEN:
            raise ValueError("it is nested too deep")

    def _close_up_to(self, bracket: str) -> None:
        """Closes all that is open inside of what `bracket` closes."""
        if bracket not in self._awaited:
            raise ValueError("a bracket is closed that was not opened")
        while self._awaited[-1] != bracket:
            self._close_unsaid()
        self._close()

    def _close_unsaid(self) -> None:
        """Closes the innermost bracket, whose end is missing, where it can have been here only."""
        inner, *outer = self._awaited[:-3:-1]
        if inner in outer or (self._last == "close" and self._written[-1] == inner):
            raise ValueError("nobody knows where a bracket is to be closed")
        self._close()

    def _close(self) -> None:
        """Closes the innermost bracket, before which there can be no comma."""
        if self._written[-1] == ",":
            self._written.pop()
        self._written.append(self._awaited.pop())
        self._last = "close"
