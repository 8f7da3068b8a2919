"""Fields of a body as clients write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest

_YES: Final = frozenset({"true", "1", "yes", "on"})
_NO: Final = frozenset({"false", "0", "no", "off", ""})


def flag(body: Mapping[str, Any], name: str, *, where: str = "") -> bool:
    """A field that is true or false, also as a word. Absent and null are false. Raises `BadRequest`."""
    return bool(choice(body, name, where=where))


def choice(body: Mapping[str, Any], name: str, *, where: str = "") -> bool | None:
    """The same, but None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    word = str(value).strip().lower()
    if not isinstance(value, bool | int | str) or word not in _YES | _NO:
        raise BadRequest(f"`{where}{name}` has to be true or false.", param=f"{where}{name}")
    return word in _YES
