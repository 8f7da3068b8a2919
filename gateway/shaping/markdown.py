"""Links in Markdown that hold whatever their parts are."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from kimi.unseen import UNSEEN

HIDDEN: Final = re.compile(f"[{UNSEEN}]+")
# What would end the address, or mean something to Markdown around it (code, the cells of a table).
_UNSAFE: Final = re.compile(rf"[\s()<>\"\\`|{UNSEEN}\ue000-\uf8ff\ud800-\udfff]")
_SPECIAL: Final = re.compile(r"[\\\[\]`<|]")


def link(label: str, url: str) -> str:
    """`[label](url)`."""
    return f"[{_SPECIAL.sub(_escaped, HIDDEN.sub('', label))}]({_UNSAFE.sub(_quoted, url)})"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _quoted(found: re.Match[str]) -> str:
    return quote(found[0], safe="", errors="replace")
