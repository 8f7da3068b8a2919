"""What stands above a decoder: the events of an answer have to be the same however its bytes come."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fuzz.pieces import ways
from kimi.errors import KimiError
from kimi.events import Event
from kimi.upstreams.drift import Drift
from kimi.upstreams.reading import Reader, batches

Make = Callable[[Drift], Reader]


def check(make: Make, stream: bytes, seed: int) -> None:
    """Read `stream` in all ways. Raises `AssertionError` where they differ, and whatever is no `KimiError`."""
    first, *others = (read(make, pieces) for pieces in ways(stream, seed))
    for other in others:
        assert other == first, f"cut otherwise it is {other}, not {first}"


def read(make: Make, pieces: Sequence[bytes]) -> list[Event | str]:
    """All that is told, and at last the end or the error in words."""
    told: list[Event | str] = []
    stream = batches(pieces, make(Drift()))
    try:
        while True:
            batch = next(stream)
            told += batch or ()
    except StopIteration as end:
        return [*told, end.value]
    except KimiError as error:
        return [*told, f"{type(error).__name__}: {error}"]
