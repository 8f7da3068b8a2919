"""What was used last, as far as it can be kept."""

from __future__ import annotations

from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Recent(Generic[_Made]):
    """Keeps what was used last, all of which may weigh `most` together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._kept: dict[bytes, tuple[_Made, int]] = {}  # the one used last is the last

    def get(self, name: bytes) -> _Made | None:
        """What is kept under `name`."""
        found = self._kept.pop(name, None)
        if found is None:
            return None
        self._kept[name] = found
        return found[0]

    def keep(self, name: bytes, made: _Made, weight: int) -> None:
        """Keeps `made`, which was not kept before, in the place of what was not used for longest."""
        self._kept[name] = made, weight
        self._weight += weight
        while self._weight > self._most:
            oldest = next(iter(self._kept))
            self._weight -= self._kept.pop(oldest)[1]
