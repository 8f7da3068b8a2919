"""Schemas for tests: what is said of values, and why one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import gevent
import pytest

from gateway.errors import BadRequest
from gateway.schemas import checker

WHERE = "response_format.json_schema.schema"
TOO_LARGE = "$: this is too large for a schema with so many cases"


def complaints(schema: dict[str, Any], value: Any) -> tuple[str, ...]:
    return checker(schema, WHERE).complaints(value)


def refused(schema: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        checker(schema, WHERE)
    assert caught.value.code == "invalid_schema"
    return str(caught.value), caught.value.param or ""


@contextmanager
def ticking() -> Iterator[list[bool]]:
    """What grows every 10 ms while others have their turn."""
    ticks: list[bool] = []
    with closing(gevent.get_hub().loop.timer(0.01, 0.01)) as timer:
        timer.start(lambda: ticks.append(True))
        yield ticks
