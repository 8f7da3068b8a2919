"""What the upstreams have said that we do not know, over all processes, for the operator."""

from __future__ import annotations

from typing import Final

import orjson

from kimi.accounts import Kind
from kimi.errors import StoreUnavailable
from kimi.pool.store import Store, to_ms
from kimi.upstreams.drift import Drift, Sighting

MOST: Final = 200
"""So many different ones are kept, those that were met last."""


class DriftBook:
    """Adds to what is known, and reads it. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self._store = store
        self._most = most

    def keep(self, drift: Drift) -> None:
        """Writes what `drift` has met since the last time. What cannot be written is for the next time."""
        met = drift.take()
        if not met:
            return
        try:
            self._store.run("drift_keep", self._most, orjson.dumps([_packed(seen) for seen in met]).decode())
        except StoreUnavailable:
            drift.put_back(met)
            raise

    def all(self) -> tuple[Sighting, ...]:
        """What was met, the latest first."""
        with self._store.guarded() as redis:
            entries = redis.hgetall(self._store.key("drift"))
        return tuple(sorted((_unpacked(*entry) for entry in entries.items()), key=lambda seen: seen.last, reverse=True))

    def clear(self) -> int:
        """Forgets all of it; how much that was."""
        with self._store.guarded() as redis:
            pipe = redis.pipeline()
            pipe.hlen(self._store.key("drift"))
            pipe.delete(self._store.key("drift"))
            count, _ = pipe.execute()
        return int(count)


def _packed(seen: Sighting) -> tuple[str, dict[str, object]]:
    field = f"{seen.kind.value} {seen.what} {seen.name}"
    return field, {
        "first": to_ms(seen.first),
        "last": to_ms(seen.last),
        "count": seen.count,
        "shape": seen.shape,
    }


def _unpacked(field: str, value: str) -> Sighting:
    kind, what, name = field.split(" ", 2)
    known = orjson.loads(value)
    return Sighting(
        Kind(kind), what, name, known["shape"], known["first"] / 1000, known["last"] / 1000, int(known["count"])
    )
