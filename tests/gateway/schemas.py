"""Schemas for tests: what is said of values, and why one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.schemas import checker

WHERE = "response_format.json_schema.schema"


def complaints(schema: dict[str, Any], value: Any) -> tuple[str, ...]:
    return checker(schema, WHERE).complaints(value)


def refused(schema: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        checker(schema, WHERE)
    assert caught.value.code == "invalid_schema"
    return str(caught.value), caught.value.param or ""
