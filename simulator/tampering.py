"""Faults inside a stream: a running answer goes in, a spoiled one comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from simulator.codecs import Codec, envelope
from simulator.streams import Break, Emit, Item, Pause

Args = dict[str, Any]


class Dialect(Protocol):
    """What a dialect says when something goes wrong."""

    codec: Codec

    def error(self, reason: str, *, where: str, silent: bool) -> list[Emit]:
        """An error inside the stream, and whatever follows it to the end."""

    def retract(self, reason: str) -> list[Emit]: ...

    def degrade(self) -> list[Emit]: ...

    def unknown(self) -> list[Emit]: ...

    def heartbeat(self) -> Emit: ...

    def length(self) -> list[Emit]:
        """The output limit is reached, and whatever follows it to the end."""

    def finish(self, reason: str) -> list[Emit]:
        """An end for another reason than being done."""


@dataclass(slots=True)
class Show:
    """A running answer that can be stopped at a text event."""

    items: Iterator[Item]
    dialect: Dialect
    args: Args
    rng: Random
    tame: bool
    rest: list[Item] = field(default_factory=list)

    def until(self, texts: int | None = None) -> Iterator[Item]:
        """Everything before text event number `after`, or before the end where there are fewer."""
        wanted = int(self.args["texts"] if texts is None else texts)
        seen = 0
        for item in self.items:
            if isinstance(item, Emit):
                if item.tag in ("tail", "end") or (item.tag == "text" and seen == wanted):
                    self.rest.append(item)
                    return
                seen += item.tag == "text"
            yield item

    def onwards(self) -> Iterator[Item]:
        """What `until` held back, and everything after."""
        yield from self.rest
        yield from self.items

    def held(self) -> bytes:
        """The bytes of the event that it stopped at."""
        return b"".join(item.data for item in self.rest if isinstance(item, Emit))


def _error(show: Show) -> Iterator[Item]:
    args = show.args
    where = args["where"] or ("first" if show.tame or show.rng.random() < 0.5 else "trailer")
    silent = args["silent"]
    if silent is None:
        silent = not show.tame and show.rng.random() < 0.3
    if where == "middle":
        yield from show.until()
    elif where == "end":
        yield from show.until(10**9)
    yield from show.dialect.error(str(args["reason"]), where=where, silent=bool(silent))


def _retract(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield from show.dialect.retract(str(show.args["reason"]))


def _content_filter(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield from show.dialect.retract("moderation")


def _degrade(show: Show) -> Iterator[Item]:
    yield from show.until(0)
    yield from show.dialect.degrade()
    yield from show.onwards()


def _empty(show: Show) -> Iterator[Item]:
    for item in show.items:
        if not isinstance(item, Emit) or item.tag not in ("text", "think", "tool"):
            yield item


def _truncate(show: Show) -> Iterator[Item]:
    at = show.args["at"]
    if at != "start":
        yield from show.until(10**9 if at == "end" else None)
    data = show.held()
    if at == "frame":
        yield Emit("text", data[: max(1, len(data) // 2)])
    elif at == "character":
        yield Emit("text", data[: _inside_character(data)])
    yield Break(str(show.args["how"]))


def _inside_character(data: bytes) -> int:
    """A position inside the first character of several bytes; the middle when there is none."""
    starts = (place + 1 for place in range(len(data) - 1) if data[place] >= 0xC2 and data[place + 1] & 0xC0 == 0x80)
    return next(starts, len(data) // 2)


def _no_end(show: Show) -> Iterator[Item]:
    yield from show.until(10**9)
    yield Break("fin")


def _hang(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield Pause(None)


def _stall(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield Pause(float(show.args["seconds"]))
    yield from show.onwards()


def _heartbeats(show: Show) -> Iterator[Item]:
    yield from show.until()
    while True:
        yield show.dialect.heartbeat()
        yield Pause(float(show.args["every"]))


def _insert(make: Callable[[Show], list[Emit]]) -> Callable[[Show], Iterator[Item]]:
    def tamper(show: Show) -> Iterator[Item]:
        yield from show.until()
        yield from make(show)
        yield from show.onwards()

    return tamper


def _garbage(show: Show) -> list[Emit]:
    return [Emit("noise", b"\xff" + show.rng.randbytes(int(show.args["bytes"])) + b"\n\n")]


def _bad_json(show: Show) -> list[Emit]:
    return [Emit("noise", show.dialect.codec.raw(b'{"event":"cmpl","text":"half'))]


def _bad_utf8(show: Show) -> list[Emit]:
    broken = show.dialect.codec.encode({"event": "cmpl", "text": "~~"}).replace(b"~~", b"\xe4\xbd")
    return [Emit("noise", broken)]


def _oversize(show: Show) -> list[Emit]:
    pad = {"pad": "x" * int(show.args["bytes"])}
    return [Emit("noise", show.dialect.codec.encode({"event": "ping", "heartbeat": pad}))]


def _compressed(_show: Show) -> list[Emit]:
    return [Emit("noise", envelope(1, b"\x1f\x8b\x08\0\0\0\0\0\0\0"))]


def _bad_flags(show: Show) -> list[Emit]:
    return [Emit("noise", envelope(int(show.args["flags"]), b"{}"))]


def _length(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield from show.dialect.length()


def _finish(show: Show) -> Iterator[Item]:
    yield from show.until()
    yield from show.dialect.finish(str(show.args["reason"]))


_TAMPERERS: dict[str, Callable[[Show], Iterator[Item]]] = {
    "error": _error,
    "retract": _retract,
    "content_filter": _content_filter,
    "degrade": _degrade,
    "empty": _empty,
    "truncate": _truncate,
    "no_end": _no_end,
    "hang": _hang,
    "stall": _stall,
    "heartbeats": _heartbeats,
    "garbage": _insert(_garbage),
    "bad_json": _insert(_bad_json),
    "bad_utf8": _insert(_bad_utf8),
    "unknown": _insert(lambda show: show.dialect.unknown()),
    "oversize": _insert(_oversize),
    "compressed": _insert(_compressed),
    "bad_flags": _insert(_bad_flags),
    "length": _length,
    "finish": _finish,
}


def tamper(what: str, show: Show) -> Iterator[Item]:
    """The answer with that fault in it; untouched when the fault is none of streams."""
    tamperer = _TAMPERERS.get(what)
    return tamperer(show) if tamperer else show.items
