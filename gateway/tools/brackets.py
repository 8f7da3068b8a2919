"""JSON in which nothing but commas and brackets is wrong.

Libraries that repair JSON were looked at: they guess (quotes, keys, the rest of a word), and the best known one takes
five seconds for 64 KiB of opening brackets, during which a worker does nothing else. Here every string and every number
stays as it was written, and the work grows as the text does.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

DEEPEST: Final = 256
"""So many brackets can be open at once."""
_TOKEN: Final = re.compile(
    r'(?P<blank>\s+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<open>[{\[])|(?P<close>[}\]])|(?P<mark>[,:])|(?P<bare>[^\s{}\[\],:"]+)'
    r"|(?P<broken>.)",
    re.DOTALL,
)
_CLOSER: Final = {"{": "}", "[": "]"}
_PYTHON: Final = {"True": "true", "False": "false", "None": "null"}
_CONTROL: Final = {number: f"\\u{number:04x}" for number in range(0x20)}
_VALUE: Final = frozenset({"text", "bare", "close"})
"""What a value can end with."""


def mended(text: str) -> Any:
    """What `text` means when commas and closing brackets that are missing are put in, and those too many left out.

    Raises `ValueError` where that does not help.
    """
    written: list[str] = []
    awaited: list[str] = []  # closing brackets
    last, is_new_line = "", False
    for token in _TOKEN.finditer(text):
        kind, said = token.lastgroup or "", token[0]
        if kind == "blank":
            is_new_line = "\n" in said
            continue
        if kind == "broken":
            raise ValueError("a string does not end")
        if kind == "close":
            _close_up_to(said, written, awaited)
        else:
            # Between two strings nobody knows whether it is not a quotation mark that should have been escaped.
            if last in _VALUE and kind in ("text", "bare", "open") and (last != "text" or is_new_line):
                written.append(",")
            if kind == "open":
                awaited.append(_CLOSER[said])
                if len(awaited) > DEEPEST:
                    raise ValueError("it is nested too deep")
            written.append(_PYTHON.get(said, said.translate(_CONTROL)))
        last, is_new_line = kind if kind != "mark" else said, False
    while awaited:
        _close(written, awaited)
    return orjson.loads("".join(written))


def _close_up_to(bracket: str, written: list[str], awaited: list[str]) -> None:
    """Closes all that is open inside of what `bracket` closes; it is one too many where that is nothing."""
    if bracket in awaited:
        while awaited[-1] != bracket:
            _close(written, awaited)
        _close(written, awaited)


def _close(written: list[str], awaited: list[str]) -> None:
    """Closes the innermost bracket, before which there can be no comma."""
    if written[-1] == ",":
        written.pop()
    written.append(awaited.pop())
