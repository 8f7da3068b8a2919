"""Links in Markdown that hold whatever their parts are."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

# What would end the address, or mean something to Markdown around it (code, the cells of a table).
_UNSAFE: Final = re.compile(r"[\s()<>\"\\`|\x00-\x1f\x7f\ue000-\uf8ff\ud800-\udfff]")
_SPECIAL: Final = re.compile(r"[\\\[\]`<|]")


def link(label: str, url: str) -> str:
    """`[label](url)`."""
    return f"[{_SPECIAL.sub(_escaped, label)}]({_UNSAFE.sub(_quoted, url)})"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _quoted(found: re.Match[str]) -> str:
    return quote(found[0], safe="", errors="replace")
