"""The texts of the pool's scripts: each with those of the shared definitions that it needs, and no others.

Whatever stands in a script is run at every call of it. With all that any of them needs, half of a call went to that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

LUA: Final[Traversable] = resources.files("kimi.pool") / "lua"
_DEFINITIONS: Final = re.compile(r"^(?=local )", re.MULTILINE)
_DEFINED: Final = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")
_WORD: Final = re.compile(r"--.*|'[^'\n]*'|(?<!\w)(?<!(?<!\.)\.)([A-Za-z_]\w*)")
"""A name that stands for itself: none in a comment or a text, and no field. Lua has other texts and comments besides,
of which the scripts make no use."""


def words(text: str) -> list[str]:
    """The names in a piece of Lua, each once."""
    return [*dict.fromkeys(filter(None, _WORD.findall(text)))]


@cache
def shared() -> Mapping[str, str]:
    """The definition of each name that the files in `lua/shared` define."""
    files = sorted((LUA / "shared").iterdir(), key=lambda file: file.name)
    definitions = [part for file in files for part in _DEFINITIONS.split(file.read_text("utf-8"))]
    return {
        name: definition.rstrip()
        for definition in definitions
        if (found := _DEFINED.match(definition))
        for name in found[1].split(", ")
    }


def _needs(text: str) -> Iterator[str]:
    """The definitions that a text needs, each behind those that it needs itself."""
    for name in words(text):
        if (definition := shared().get(name)) is not None and definition != text:
            yield from _needs(definition)
            yield definition


@cache
def source(name: str) -> str:
    """The whole text of the script `name`."""
    own = (LUA / f"{name}.lua").read_text("utf-8")
    return "\n".join((*dict.fromkeys(_needs(own)), own))


@cache
def digest(name: str) -> str:
    """By which Redis knows the script once it has seen it."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()
