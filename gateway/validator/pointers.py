"""Where the references of a schema lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

ROOT = "#"


def resolved(node: Mapping[str, Any], root: Any) -> tuple[str, Any] | None:
    """The place that a `$ref` of `node` names, and what stands there; None where it is no path from the root."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not (reference == ROOT or reference.startswith("#/")):
        return None
    place = unquote(reference)
    found = root
    for step in place.split("/")[1:]:
        found = _inner(found, step.replace("~1", "/").replace("~0", "~"))
        if found is None:
            return None
    return place, found


def beneath(place: str, *steps: str | int) -> str:
    """The place under `place`."""
    return "/".join([place, *(str(step).replace("~", "~0").replace("/", "~1") for step in steps)])


def _inner(found: Any, step: str) -> Any:
    if isinstance(found, Mapping):
        return found.get(step)
    if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
        return found[int(step)]
    return None
