"""Words that the descriptions of all surfaces are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TEXT: Final[dict[str, Any]] = {"type": "string"}
COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
FLAG: Final[dict[str, Any]] = {"type": ["boolean", "string", "integer", "null"]}


def ref(name: str) -> dict[str, Any]:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def as_json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}
