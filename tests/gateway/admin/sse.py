"""Reading the live page's stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Told:
    """One event."""

    name: str
    data: Any

    @property
    def accounts(self) -> dict[str, Any]:
        return {account["name"]: account for account in self.data["accounts"]}


def events(raw: bytes) -> list[Told]:
    """The events of a piece of a stream."""
    return list(following(raw.split(b"\n")))


def following(lines: Iterable[bytes]) -> Iterator[Told]:
    """The events in `lines`, as they come."""
    name = ""
    for line in lines:
        field, _, value = line.partition(b": ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            yield Told(name, orjson.loads(value))
