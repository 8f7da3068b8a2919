"""A streamed answer from end to end: script, fault, pace, framing, and the account's one stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol

import orjson
from flask import Response

from simulator import strikes
from simulator.answers import CALLS, Script, check_overrides, cut, directive, last_user, without_directive, write_script
from simulator.desk import Call
from simulator.faults import parse
from simulator.framing import frame, zipped
from simulator.reading import Reading
from simulator.reasons import Refusal
from simulator.replies import deliver, link_now
from simulator.streams import Break, Emit, Headers, Item, Pause, Stream
from simulator.tampering import Dialect, Show, tamper
from simulator.told import Told, told


class Play(Dialect, Protocol):
    """One answer in one dialect."""

    def items(self) -> Iterator[Item]:
        """All of its messages, each tagged with what it is."""

    def noise(self) -> list[Emit]:
        """Messages that mean nothing to the reader."""


@dataclass(slots=True, kw_only=True)
class Cue:
    """What a play needs to know to begin."""

    call: Call
    script: Script
    rng: Random
    stream: Stream
    tame: bool

    def pieces(self) -> list[str]:
        """The answer's text in pieces."""
        return cut(self.script.text, self.script.events, self.rng, tame=self.tame)

    def thoughts(self) -> list[str]:
        """The thinking in pieces."""
        return cut(self.script.thinking, None, self.rng, tame=self.tame)


def rehearse(call: Call, reading: Reading) -> Script:
    """The script for what was read, with what an `answer` fault and the prompt's own directive say."""
    overrides = dict(call.fault.args) if call.fault and call.fault.what == "answer" else {}
    call.remembered |= {"prompt": reading.prompt, "read": reading.shown()}
    known = told(reading)
    if call.world.settings.directives:
        overrides |= _directed(call, directive(reading.prompt))
        if known.results:  # what the user has asked for goes on
            overrides |= {name: value for name, value in directive(known.turn).items() if name == "calls"}
    script = write_script(call.world.settings, reading, overrides, known.results)
    return _obedient(script, reading, known, exactly="text" in overrides)


def _obedient(script: Script, reading: Reading, known: Told, *, exactly: bool) -> Script:
    """`script` as a model plays it that does what it was told, unless its text is to stand `exactly`."""
    if exactly and (not script.calls or known.tags is None):
        return script
    calls = known.calls(script.calls, last_user(without_directive(reading.prompt)))
    if not calls:
        return replace(script, text=script.text.replace(CALLS, "") if exactly else known.formed(script.text))
    text = (script.text if CALLS in script.text else f"{script.text}\n\n{CALLS}") if exactly else CALLS
    return replace(script, text=text.replace(CALLS, known.written(calls)), marks=False)  # which would stand in a tag


def _directed(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    fault = wanted.pop("fault", None)
    try:
        if fault is not None:
            call.fault = parse(fault)
        check_overrides(wanted)
    except ValueError as error:
        raise Refusal("invalid", f"directive: {error}") from error
    return wanted


def perform_whole(call: Call, script: Script, make: Callable[[Cue], dict[str, object]]) -> Response:
    """Send an answer as one JSON object. Raises Refusal when the account's streams are all taken."""
    struck = _struck(call)
    if struck is not None:
        return struck
    rng = Random(call.world.rng.getrandbits(64))
    stream = call.world.open_stream(call.owner, link_now(), call.remembered)
    body = orjson.dumps(make(Cue(call=call, script=script, rng=rng, stream=stream, tame=call.world.settings.tame)))
    seconds = script.first_delay + script.delay * (script.events or 0)
    items = _spoiled(call, [Pause(seconds), Emit("text", body)], body)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return deliver(iter(items), headers=headers, stream=stream)


def _spoiled(call: Call, items: list[Item], body: bytes) -> list[Item]:
    """What the faults of streams come to where nothing is streamed."""
    fault = call.fault
    if fault is None:
        return items
    if fault.what == "truncate":
        return [Emit("text", body[: len(body) // 2]), Break("reset" if fault.args["how"] == "reset" else "cut")]
    if fault.what in ("hang", "heartbeats"):
        return [Pause(None)]
    if fault.what == "stall":
        return [Pause(float(fault.args["seconds"])), *items]
    return items


def _struck(call: Call) -> Response | None:
    """The answer of a fault that the prompt itself asked for; all others have struck at the desk."""
    return strikes.before(call) if call.fault and call.fault.id == 0 else None


def perform(call: Call, script: Script, make: Callable[[Cue], Play]) -> Response:
    """Send a play. Raises Refusal when the account's streams are all taken."""
    struck = _struck(call)
    if struck is not None:
        return struck
    settings = call.world.settings
    rng = Random(call.world.rng.getrandbits(64))
    stream = call.world.open_stream(call.owner, link_now(), call.remembered)
    play = make(Cue(call=call, script=script, rng=rng, stream=stream, tame=settings.tame))
    items = _paced(play.items(), script)
    if call.fault is not None:
        items = tamper(call.fault.what, Show(items, play, call.fault.args, rng, settings.tame))
    if not settings.tame:
        items = _sprinkled(items, play, rng)
    items = _opened(frame(items, rng, tame=settings.tame), script, early=settings.tame or rng.random() < 0.5)
    close_delimited = settings.body == "close" or (settings.body == "auto" and not settings.tame and rng.random() < 0.3)
    headers = {"Content-Type": play.codec.content_type, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if call.fault is not None and call.fault.what == "gzip":
        items, headers["Content-Encoding"] = zipped(items), "gzip"
    return deliver(items, headers=headers, stream=stream, close_delimited=close_delimited)


def _opened(items: Iterator[Item], script: Script, *, early: bool) -> Iterator[Item]:
    """Headers before the first delay, or only with the first bytes."""
    if early:
        yield Headers()
    if script.first_delay:
        yield Pause(script.first_delay)
    yield from items


def _paced(items: Iterator[Item], script: Script) -> Iterator[Item]:
    if not script.delay:
        yield from items
        return
    pause = Pause(script.delay)
    for item in items:
        if isinstance(item, Emit) and item.tag in ("text", "think"):
            yield pause
        yield item


def _sprinkled(items: Iterator[Item], play: Play, rng: Random) -> Iterator[Item]:
    """Comments and messages that nobody needs, between the others."""
    for item in items:
        if isinstance(item, Emit) and item.tag != "held":
            dice = rng.random()
            if dice < 0.04:
                yield Emit("noise", play.codec.noise(rng))
            elif dice < 0.07:
                yield from play.noise()
        yield item
