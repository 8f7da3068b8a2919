"""Links in Markdown that hold whatever their parts are."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_UNSEEN: Final = "\x80-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""What lets a reader see other words than are there, or none."""
HIDDEN: Final = re.compile(f"[\x00-\x1f\x7f{_UNSEEN}]+")
# What would end the address, or mean something to Markdown around it (code, the cells of a table).
_UNSAFE: Final = re.compile(rf"[\s()<>\"\\`|\x00-\x1f\x7f{_UNSEEN}\ue000-\uf8ff\ud800-\udfff]")
_SPECIAL: Final = re.compile(r"[\\\[\]`<|]")


def link(label: str, url: str) -> str:
    """`[label](url)`."""
    return f"[{_SPECIAL.sub(_escaped, HIDDEN.sub('', label))}]({_UNSAFE.sub(_quoted, url)})"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _quoted(found: re.Match[str]) -> str:
    return quote(found[0], safe="", errors="replace")
