"""Fields of a body as clients write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest

_ID: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off", ""), False),
}


def model_of(body: Mapping[str, Any]) -> str:
    """The name of the model that is asked. Raises `BadRequest`."""
    name = body.get("model")
    if not isinstance(name, str) or not name.strip():
        raise BadRequest("`model` has to name a model; GET /v1/models lists them.", param="model")
    return name.strip()


def id_in(body: Mapping[str, Any], name: str, meant: str) -> str:
    """An id of ours, which is what is `meant`; empty where there is none. Raises `BadRequest`."""
    value = body.get(name)
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadRequest(f"`{name}` has to be {meant}.", param=name)
    return value


def flag(body: Mapping[str, Any], name: str, *, where: str = "") -> bool:
    """A field that is true or false, also as a word. Absent and null are false. Raises `BadRequest`."""
    return bool(choice(body, name, where=where))


def choice(body: Mapping[str, Any], name: str, *, where: str = "") -> bool | None:
    """The same, but None where it is absent or null."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    found = _WORDS.get(str(value).strip().lower()) if isinstance(value, int | str) else None
    if found is None:
        raise BadRequest(f"`{where}{name}` has to be true or false.", param=f"{where}{name}")
    return found
