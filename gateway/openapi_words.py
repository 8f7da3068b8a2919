"""Words that the descriptions of all surfaces are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}
FLAG: Final[Json] = {"type": ["boolean", "string", "integer", "null"]}
"""True or false, also as a word or a number: clients write all of these."""
EVENT_SCHEMA: Final = "x-event-schema"
"""What each event's data is, beside `text/event-stream`.

A `schema` there is none: some read it as that of the whole body, others as that of each event.
"""
READS: Final = "x-reads"
"""What a field is read as, where its schema takes more."""
HEADERS: Final[Json] = {
    "x-request-id": {
        "description": "What the log knows the request by: the client's own where it sent one, else a new one",
        "schema": TEXT,
        "example": "req-7f3a5b0c9d1e4f60",
    },
    "request-id": {
        "description": "The same under Anthropic's name",
        "schema": TEXT,
        "example": "req-7f3a5b0c9d1e4f60",
    },
    "Retry-After": {
        "description": "Seconds after which to try again, 1 to 60",
        "schema": {"type": "integer", "minimum": 1, "maximum": 60},
        "example": 5,
    },
    "retry-after-ms": {
        "description": "The same in milliseconds, for OpenAI's own clients",
        "schema": {"type": "integer", "minimum": 100, "maximum": 60_000},
        "example": 4_800,
    },
    "x-should-retry": {
        "description": "`false`: the same request would come to the same end",
        "schema": {"const": "false"},
        "example": "false",
    },
    "www-authenticate": {"description": "How to bring a key", "schema": {"const": "Bearer"}, "example": "Bearer"},
    "allow": {"description": "The methods that the path takes", "schema": TEXT, "example": "OPTIONS, POST"},
}


def ref(name: str) -> Json:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def said(schema: Mapping[str, Any], says: str) -> Json:
    """The same schema with a description."""
    return {**schema, "description": says}


def text(says: str) -> Json:
    """A text, described."""
    return said(TEXT, says)


def flag(says: str) -> Json:
    """True or false, described."""
    return said(FLAG, says)


def whatever(says: str, reads: str = "") -> Json:
    """A field whose type nobody here checks, or not in every case, described; `reads` says for people what it is."""
    return {"description": says, **({READS: reads} if reads else {})}


def optional(schema: Mapping[str, Any]) -> Json:
    """A schema that has one type, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def listed(items: Mapping[str, Any], says: str = "") -> Json:
    """A list of those."""
    return {"type": "array", "items": dict(items), **({"description": says} if says else {})}


def record(properties: Mapping[str, Any], *required: str, says: str = "") -> Json:
    """An object. Without `required`, all its fields may be missing."""
    needs = {"required": list(required)} if required else {}
    return {"type": "object", **needs, "properties": dict(properties), **({"description": says} if says else {})}


def loose(properties: Mapping[str, Any], says: str) -> Json:
    """An object with these fields where it is read, and anything where it is not."""
    return {**whatever(says, "object"), "properties": dict(properties)}


def example(summary: str, value: Any) -> Json:
    """An example, with what it shows."""
    return {"summary": summary, "value": value}


def as_json(schema: Mapping[str, Any], examples: Mapping[str, Any] | None = None) -> Json:
    """A body of JSON."""
    return {"application/json": {"schema": dict(schema), **({"examples": dict(examples)} if examples else {})}}


def as_events(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> Json:
    """A body of server-sent events; `schema` is that of the data of each."""
    return {"text/event-stream": {EVENT_SCHEMA: dict(schema), "examples": dict(examples)}}


def as_text(kind: str, sample: str, schema: Mapping[str, Any] = TEXT) -> Json:
    """A body of text of that media type, whose `schema` is that of what is read out of it."""
    return {kind: {"schema": schema, "examples": {"text": example("What it looks like", sample)}}}


def stream(*data: Mapping[str, Any] | str, named: bool = False) -> str:
    """Server-sent events as they come. `named` ones also say their `type` as the name of the event."""
    return "".join(_event(each, named=named) for each in data)


def good(says: str, content: Mapping[str, Any], *headers: str) -> Json:
    """The answer that is no error."""
    return {"200": {"description": says, "headers": header_refs("x-request-id", *headers), "content": dict(content)}}


def header_refs(*names: str) -> Json:
    """Headers of an answer, out of `HEADERS`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def operation(
    summary: str,
    description: str,
    answers: Mapping[str, Any],
    *,
    surface: str,
    body: Mapping[str, Any] | None = None,
    parameters: Iterable[Mapping[str, Any]] = (),
    needs_key: bool = True,
) -> Json:
    """One method of one path. `body` is what `requestBody` says of its content, `answers` what `responses` say."""
    return {
        "tags": [surface],
        "summary": summary,
        "description": description,
        **({} if needs_key else {"security": []}),
        **({"parameters": [dict(each) for each in parameters]} if parameters else {}),
        **({"requestBody": {"required": True, "content": dict(body)}} if body else {}),
        "responses": dict(answers),
    }


def _event(data: Mapping[str, Any] | str, *, named: bool) -> str:
    if isinstance(data, str):
        return f"data: {data}\n\n"
    name = f"event: {data['type']}\n" if named else ""
    return f"{name}data: {orjson.dumps(data).decode()}\n\n"
