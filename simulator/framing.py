"""How messages become pieces on the wire: never the way a reader would like them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from random import Random

from simulator.streams import Emit, Item, Pause

LONG = 0.5  # seconds of silence before which nothing is held back
CRUMBS_BELOW = 400  # bytes of a message that may come in crumbs: thousands of them would only keep everybody busy


def frame(items: Iterator[Item], rng: Random, *, tame: bool) -> Iterator[Item]:
    """`items` cut and joined at random when nasty, untouched when tame."""
    return items if tame else _mangled(items, rng)


def zipped(items: Iterator[Item]) -> Iterator[Item]:
    """The same as gzip, every piece readable when it is there."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    for item in items:
        if isinstance(item, Emit):
            yield Emit(item.tag, packer.compress(item.data) + packer.flush(zlib.Z_SYNC_FLUSH))
        else:
            yield item
    yield Emit("end", packer.flush())


def _mangled(items: Iterator[Item], rng: Random) -> Iterator[Item]:
    held = b""
    for item in items:
        if isinstance(item, Emit):
            held += item.data
            pieces, held = _pieces(held, rng)
            for piece in pieces:
                yield Emit(item.tag, piece)
            continue
        if held and _reveals(item):
            yield Emit("held", held)
            held = b""
        yield item
    if held:
        yield Emit("held", held)


def _reveals(item: Item) -> bool:
    """Whether what is held back has to go out before this."""
    return not isinstance(item, Pause) or item.seconds is None or item.seconds > LONG


def _pieces(data: bytes, rng: Random) -> tuple[list[bytes], bytes]:
    """What goes out now, and what waits for the next message."""
    if len(data) < 2:
        return ([data] if data else []), b""
    dice = rng.random()
    if dice < 0.12:
        return [], data
    cut = rng.randrange(1, len(data))
    if dice < 0.40:
        return [data[:cut]], data[cut:]
    if dice < 0.65:
        return [data[:cut], data[cut:]], b""
    if dice < 0.67 and len(data) < CRUMBS_BELOW:
        return list(_crumbs(data, rng)), b""
    return [data], b""


def _crumbs(data: bytes, rng: Random) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = start + rng.randint(1, 3)
        yield data[start:end]
        start = end
