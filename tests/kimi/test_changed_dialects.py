"""What becomes of an answer when Kimi changes its dialect: all of it, or an error, and never less with a normal end.

A change is made in every message of a recorded stream that it can be made in, or in all those of one sort.
Nobody can see that a whole piece of text is missing, or has changed its place, because the streams do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.errors import KimiError
from kimi.events import Event, Finish, ToolCall
from kimi.http import Endpoints
from kimi.upstreams import envelopes, sse
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.kimi.replay import Recorded, Replay, as_json, recorded, said, text_of

Json = Any


@dataclass(frozen=True)
class Stream:
    """A recorded answer as its messages; of a Connect stream the last one is the trailer."""

    kind: Kind
    messages: tuple[Json, ...]

    def ask(self) -> list[Event]:
        """The events that the adapter makes of it. Raises `KimiError`."""
        answers = [self._answer()]
        if self.kind is Kind.CLASSIC:
            answers.insert(0, as_json({"id": "cs2r0f4pqrs5aaaaaaaa"}))
        upstream = build(Line(Replay(*answers), Endpoints()))[self.kind]
        chat = Chat(model="kimi", messages=(Message("user", "你好"),))
        return said(upstream.stream(chat, Account(name="a", kind=self.kind), "token"))

    def _answer(self) -> Recorded:
        if self.kind is not Kind.KIMI:
            lines = (m if isinstance(m, bytes) else orjson.dumps(m) for m in self.messages)
            return Recorded(
                b"".join(b"data: %b\n\n" % line for line in lines), headers={"Content-Type": "text/event-stream"}
            )
        *data, trailer = map(orjson.dumps, self.messages)
        body = b"".join(map(envelopes.encode, data)) + b"\x02" + len(trailer).to_bytes(4) + trailer
        return Recorded(body, headers={"Content-Type": "application/connect+json"})


def stream(name: str) -> Stream:
    raw, dialect = recorded(name), name.partition("-")[0]
    if dialect == "connect":
        decoder = envelopes.Decoder()
        return Stream(Kind.KIMI, tuple(map(orjson.loads, [*decoder.feed(raw), decoder.trailer()])))
    datas = sse.Decoder().feed(raw)
    messages = tuple(data if data == b"[DONE]" else orjson.loads(data) for data in datas)
    return Stream(Kind.CLASSIC if dialect == "classic" else Kind.MOONSHOT, messages)


STREAMS = {
    name: stream(name)
    for name in ("classic-answer.sse", "classic-thinking.sse", "connect-answer.bin", "connect-search.bin",
                 "moonshot-answer.sse", "moonshot-tools.sse")
}  # fmt: skip


FAILURES = {
    name: stream(name)
    for name in ("classic-error.sse", "connect-error-first.bin", "connect-error-trailer.bin", "connect-overload.bin",
                 "connect-retract.bin", "moonshot-error.sse")
}  # fmt: skip


def essence(events: list[Event]) -> tuple[str, str]:
    """What must not be less: the text, and what is called with which words."""
    return text_of(events), "".join(event.arguments for event in events if isinstance(event, ToolCall))


WHOLE = {name: essence(stream.ask()) for name, stream in STREAMS.items()}


def sort_of(message: Json) -> str:
    """Messages of a sort change together."""
    if not isinstance(message, dict):
        return "end"
    if "choices" in message:
        return "chunk"
    return " ".join(str(message.get(name)) for name in ("event", "op", "mask")) + " ".join(sorted(message))


def walk(value: Json) -> Iterator[tuple[str, Json]]:
    """Every field at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def changed(value: Json, change: Callable[[str, Json], tuple[str, Json]]) -> Json:
    """`value` with `change` applied to all of its fields."""
    if isinstance(value, dict):
        return dict(change(key, changed(inner, change)) for key, inner in value.items())
    if isinstance(value, list):
        return [changed(inner, change) for inner in value]
    return value


WORDS = {"event", "op", "mask", "role", "status", "finish_reason", "type"}
RETYPED: list[Callable[[Json], Json]] = [
    lambda _: None, lambda value: [value], lambda value: {"value": value}, lambda _: 7,
]  # fmt: skip


@st.composite
def change(draw: st.DrawFn, stream: Stream) -> Stream:
    sorts = sorted({sort_of(message) for message in stream.messages})
    sort = draw(st.sampled_from([*sorts, ""]))
    touched = [message for message in stream.messages if sort in ("", sort_of(message))]
    fields = sorted({key for message in touched for key, _ in walk(message)})
    assume(fields)
    key = draw(st.sampled_from(fields))
    words = sorted(
        {value for message in touched for name, value in walk(message) if name in WORDS and isinstance(value, str)}
    )

    def renamed(name: str, value: Json) -> tuple[str, Json]:
        return ("new_" + name if name == key else name), value

    retype = draw(st.sampled_from(RETYPED))

    def retyped(name: str, value: Json) -> tuple[str, Json]:
        return name, (retype(value) if name == key else value)

    word = draw(st.sampled_from(words)) if words else ""

    def reworded(name: str, value: Json) -> tuple[str, Json]:
        return name, ("new_" + value if name in WORDS and value == word else value)

    def moved(message: Json) -> Json:
        return {"data": message} if isinstance(message, dict) else message

    how = draw(st.sampled_from([renamed, retyped, reworded, *([None] if sort == "" else [])]))
    messages = []
    for message in stream.messages:
        if sort in {"", sort_of(message)} and not isinstance(message, bytes):
            messages.append(moved(message) if how is None else changed(message, how))
        else:
            messages.append(message)
    return Stream(stream.kind, tuple(messages))


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_answer_is_whole_or_an_error_whatever_is_renamed_retyped_or_moved(name: str, data: st.DataObject) -> None:
    try:
        events = data.draw(change(STREAMS[name])).ask()
    except KimiError:
        return
    assert isinstance(events[-1], Finish)
    assert essence(events) == WHOLE[name]


@pytest.mark.parametrize("name", FAILURES)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_failure_is_never_an_answer(name: str, data: st.DataObject) -> None:
    with pytest.raises(KimiError):
        data.draw(change(FAILURES[name])).ask()
