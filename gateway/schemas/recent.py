"""What was used last, as far as it can be kept."""

from __future__ import annotations

from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Recent(Generic[_Made]):
    """Keeps the `most` that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[bytes, _Made] = {}  # the one used last is the last

    def get(self, name: bytes) -> _Made | None:
        """What is kept under `name`."""
        found = self._kept.pop(name, None)
        if found is not None:
            self._kept[name] = found
        return found

    def keep(self, name: bytes, made: _Made) -> None:
        """Keeps `made` under `name`, in the place of what was not used for longest."""
        self._kept.pop(name, None)
        self._kept[name] = made
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
