"""Streams of typed events as OpenAI's own types read them, strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import pydantic
from openai.types.responses import Response, ResponseStreamEvent

from gateway.problem import Problem
from gateway.surfaces.responses.envelope import Envelope
from gateway.surfaces.responses.output import Output
from gateway.surfaces.responses.rendering import ResponseAnswer, ResponseStream
from gateway.surfaces.responses.request import Question, as_chat
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi.events import Event, Finish

ASKED: Final[Mapping[str, Any]] = {"model": "kimi", "input": "What is the answer?"}
TOOLS: Final[dict[str, Any]] = {
    **ASKED,
    "tools": [
        {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False},
        {"type": "custom", "name": "apply_patch", "description": "Edits files."},
        {
            "type": "namespace",
            "name": "mcp__files",
            "description": "Files",
            "tools": [{"type": "function", "name": "read"}],
        },
        {"type": "tool_search", "execution": "client", "description": "Finds tools", "parameters": {"type": "object"}},
    ],
}
EVENT: Final[pydantic.TypeAdapter[Any]] = pydantic.TypeAdapter(ResponseStreamEvent)
_WHOLE: Final[pydantic.TypeAdapter[Any]] = pydantic.TypeAdapter(Response)
_OURS: Final = {"store", "frequency_penalty", "presence_penalty", "logprobs", "status"}
"""What OpenAI sends and open-responses wants, but openai-python does not name everywhere."""


def parts(body: Mapping[str, Any] = ASKED) -> tuple[Envelope, Output, Question]:
    question = as_chat(body)
    envelope = Envelope(Identity(id="resp_ab", created=17, model="kimi"), body, question, clock=lambda: 19.9)
    return envelope, Output("ab", question.tools, Tally(question.understood().read)), question


def stream(body: Mapping[str, Any] = ASKED) -> ResponseStream:
    envelope, output, question = parts(body)
    return ResponseStream(envelope, output, question.told)


def whole(*events: Event, body: Mapping[str, Any] = ASKED) -> dict[str, Any]:
    envelope, output, _ = parts(body)
    answer = ResponseAnswer(envelope, output)
    for event in events:
        answer.add([event])
    read: dict[str, Any] = orjson.loads(answer.body())
    validated(_WHOLE, answer.body())
    return read


def told(data: bytes) -> list[dict[str, Any]]:
    """The events in `data`, each of which OpenAI's types take as it is."""
    assert data.endswith(b"\n\n")
    read = []
    for said in data.removesuffix(b"\n\n").split(b"\n\n"):
        name, line = said.split(b"\n")
        event = orjson.loads(line.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        if event["type"] != "error":  # it has more in it than openai-python names
            validated(EVENT, line.removeprefix(b"data: "))
        read.append(event)
    return read


def render(*batches: Sequence[Event], body: Mapping[str, Any] = ASKED) -> list[dict[str, Any]]:
    """All that is told of `batches`, which are numbered without a gap."""
    rendered = stream(body)
    events = told(b"".join(rendered.render(batch) for batch in batches))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def failing(problem: Problem, *batches: Sequence[Event], body: Mapping[str, Any] = ASKED) -> list[dict[str, Any]]:
    rendered = stream(body)
    events = told(b"".join(rendered.render(batch) for batch in batches) + rendered.fail(problem))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def validated(adapter: pydantic.TypeAdapter[Any], raw: bytes) -> None:
    """Fails where `raw` is not what the type says, or has more."""
    found = set(_unknown(adapter.validate_json(raw, strict=True)))
    assert found <= _OURS, found - _OURS


def _unknown(value: Any) -> Iterator[str]:
    if isinstance(value, pydantic.BaseModel):
        yield from value.model_extra or ()
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name))
    elif isinstance(value, list):
        for each in value:
            yield from _unknown(each)


def finished(reason: Any = "stop") -> Finish:
    return Finish(reason)


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]
