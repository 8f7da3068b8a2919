"""One answer of the official platform: OpenAI's shape with its own habits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.answers import CALLS
from simulator.calling import Wish
from simulator.codecs import Codec, Message, Sse
from simulator.kinds import Kind
from simulator.performance import Cue
from simulator.reasons import look_up, render
from simulator.streams import Emit, Item

_FINISHES = {"length": "length", "retract": "content_filter", "content_filter": "content_filter"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a request asks for. `calls` are the tools to be called, if any are."""

    model: str
    prompt_tokens: int
    thinks: bool
    include_usage: bool
    calls: tuple[Wish, ...] = ()
    finish: str = "stop"


def count(text: str) -> int:
    """Tokens, roughly: a Han character counts more than a letter."""
    return sum(1.0 if char > "⺀" else 0.3 for char in text).__ceil__()


class MoonshotPlay:
    """The chunks of one completion."""

    def __init__(self, cue: Cue, order: Order) -> None:
        self.codec: Codec = Sse(cue.rng, tame=cue.tame)
        self._cue = cue
        self._order = order
        self._id = f"chatcmpl-{cue.rng.getrandbits(96):024x}"
        self._created = int(cue.call.world.clock())
        self._spent = 0.0

    def items(self) -> Iterator[Item]:
        """Role, thinking, text or tool call, finish with usage, [DONE]."""
        yield self._chunk("head", {"role": "assistant", "content": ""})
        if self._order.thinks:
            for thought in self._cue.thoughts():
                self._spent += len(thought) * 0.7
                yield self._chunk("think", {"reasoning_content": thought})
        if self._order.calls:
            if lead := self._lead():
                self._spent += len(lead) * 0.7
                yield self._chunk("text", {"content": lead})
            for index, call in enumerate(self._order.calls):
                yield from self._tool(index, call)
            yield from self._end("tool_calls")
            return
        for piece in self._cue.pieces():
            self._spent += len(piece) * 0.7
            yield self._chunk("text", {"content": piece})
        yield from self._end(self._order.finish)

    def _lead(self) -> str:
        """What is said before calls."""
        before, mark, _ = self._cue.script.text.partition(CALLS)
        return before if mark else ""

    def _tool(self, index: int, call: Wish) -> Iterator[Emit]:
        function = {"name": call.name, "arguments": ""}
        first = {"index": index, "id": f"{call.name}:{index}", "type": "function", "function": function}
        yield self._chunk("text", {"tool_calls": [first]})
        for start in range(0, len(call.arguments), 5):
            piece = {"index": index, "function": {"arguments": call.arguments[start : start + 5]}}
            yield self._chunk("text", {"tool_calls": [piece]})

    def _end(self, reason: str) -> list[Emit]:
        usage = self.usage()
        choice = {"index": 0, "delta": {}, "finish_reason": reason, "usage": usage}
        ending = [self._emit("tail", {**self._frame(), "choices": [choice]})]
        if self._order.include_usage:
            ending.append(self._emit("tail", {**self._frame(), "choices": [], "usage": usage}))
        return [*ending, Emit("end", self.codec.raw(b"[DONE]"))]

    def usage(self) -> dict[str, Any]:
        """Tokens so far."""
        completion = max(1, round(self._spent))
        return {
            "prompt_tokens": self._order.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self._order.prompt_tokens + completion,
            "cached_tokens": 0,
        }

    def whole(self) -> dict[str, Any]:
        """The completion as one object, for those who do not stream."""
        script, fault = self._cue.script, self._cue.call.fault
        message: dict[str, Any] = {"role": "assistant", "content": script.text}
        if self._order.thinks:
            message["reasoning_content"] = script.thinking
        if self._order.calls:
            message |= {"content": self._lead(), "tool_calls": [_whole(*one) for one in enumerate(self._order.calls)]}
        self._spent = len(orjson.dumps(message)) * 0.25
        finish = "tool_calls" if self._order.calls else self._order.finish
        if fault is not None:
            finish = str(fault.args["reason"]) if fault.what == "finish" else _FINISHES.get(fault.what, finish)
            message["content"] = "" if fault.what == "empty" else message["content"]
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**self._frame(), "object": "chat.completion", "choices": [choice], "usage": self.usage()}

    def _chunk(self, tag: str, delta: Message) -> Emit:
        return self._emit(tag, {**self._frame(), "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def _frame(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._order.model,
            "system_fingerprint": "fpv0_simulator",
        }

    def _emit(self, tag: str, message: Message) -> Emit:
        return Emit(tag, self.codec.encode(message))

    def noise(self) -> list[Emit]:
        """A chunk that says nothing."""
        return [self._chunk("noise", {})]

    def error(self, reason: str, *, where: str, silent: bool) -> list[Emit]:  # noqa: ARG002  # as the protocol has it
        """An error object in the stream."""
        return [self._emit("end", render(Kind.MOONSHOT, look_up(Kind.MOONSHOT, reason, self._cue.call.org)))]

    def retract(self, reason: str) -> list[Emit]:
        """The filter ends the answer."""
        return self._end("content_filter" if reason == "moderation" else "engine_overloaded")

    def degrade(self) -> list[Emit]:
        """This dialect says nothing about it."""
        return []

    def unknown(self) -> list[Emit]:
        """Fields that nobody knows."""
        return [
            self._chunk("noise", {"hologram": "not for the reader"}),
            self._emit("noise", {**self._frame(), "choices": [], "brand_new": {"a": 1}}),
        ]

    def heartbeat(self) -> Emit:
        """A comment."""
        return Emit("noise", b": keep-alive\n\n")

    def length(self) -> list[Emit]:
        """The output limit."""
        return self._end("length")

    def finish(self, reason: str) -> list[Emit]:
        """An end for any reason."""
        return self._end(reason)


def _whole(index: int, call: Wish) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": f"{call.name}:{index}", "type": "function", "function": function}
