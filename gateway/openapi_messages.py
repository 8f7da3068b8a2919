"""Anthropic's Messages in OpenAPI's words, as far as they are served here."""

from __future__ import annotations

from typing import Final

from gateway import openapi_messages_answers as answers
from gateway import openapi_messages_examples as examples
from gateway.openapi_problems import ASKING, BODY, FORMS, KEY, MODEL, messages_errors
from gateway.openapi_words import (
    COUNT,
    TEXT,
    Json,
    as_events,
    as_json,
    example,
    flag,
    good,
    listed,
    operation,
    record,
    ref,
    said,
    text,
    whatever,
)
from gateway.standings import ANTHROPIC, names
from gateway.surfaces.limits import LONGEST_STOP, MOST_STOPS

_SURFACE: Final = "Messages"
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max", None)
_SCHEMA: Final[Json] = {"type": "object", "description": "A JSON schema"}
_BLOCK: Final = record(
    {
        "type": text(
            "Of a user: `text`, `image`, `document`, `search_result`, `tool_result`; "
            "of the assistant: `text`, `thinking`, `tool_use`, and whatever Anthropic has answered with"
        ),
        "text": whatever("What a block of the type `text` says", "text"),
        "source": whatever(
            "`base64` with `media_type` and `data`, or `url`; of documents also `text` and `content`", "object"
        ),
        "title": whatever("Of a document, for the model"),
        "context": whatever("The same"),
        "id": whatever("Of a `tool_use`: by which its result refers to it"),
        "name": whatever("Of a `tool_use`: the tool"),
        "input": whatever("Of a `tool_use`: what the tool is called with"),
        "tool_use_id": whatever("The call whose result a `tool_result` brings", "text"),
        "content": whatever("What a call has resulted in: a text, or blocks"),
        "is_error": whatever("Whether the call failed", "true or false"),
        "thinking": whatever("Of a `thinking` block: what was thought"),
        "signature": whatever("The same; nobody checks it, but thoughts that were left out are found by it"),
    },
    "type",
)
_TURN: Final = record(
    {
        "role": {"enum": ["user", "assistant", "system"], "description": "Who speaks"},
        "content": {"anyOf": [TEXT, listed(_BLOCK)], "description": "A text, or blocks"},
    },
    *("role", "content"),
)
_TOOL: Final = record(
    {
        "type": whatever("None, `custom`, or a `web_search_…`, for which Kimi searches itself", "text"),
        "name": whatever("What it is called by", "text"),
        "description": whatever("What it does, for the model", "text"),
        "input_schema": whatever("A JSON schema", "object"),
        "strict": whatever("Changes nothing: what a tool is called with is checked in any case"),
        "defer_loading": whatever("True: the model knows of it once a search of the client's has found it"),
    }
)
_FORM: Final[Json] = {
    "type": ["object", "null"],
    "required": ["type", "schema"],
    "properties": {"type": {"const": "json_schema", "description": "There is no other"}, "schema": _SCHEMA},
    "description": "The answer is JSON that was checked",
}
_ASKED: Final[Json] = {
    "model": text("A model of GET /v1/models; all of `claude-…` stand for KIMI_CLAUDE_MODEL"),
    "messages": {**listed(_TURN, "The conversation so far, oldest first"), "minItems": 1},
    "system": {
        "anyOf": [TEXT, listed(_BLOCK), {"type": "null"}],
        "description": "What the model is told before all else",
    },
    "tools": {"type": ["array", "null"], "items": _TOOL, "description": "What the model may call"},
    "tool_choice": {
        "type": ["object", "null"],
        "required": ["type"],
        "properties": {
            "type": {"enum": ["auto", "any", "none", "tool"], "description": "Whether a tool has to be called"},
            "name": whatever("Which one, of the type `tool`", "text"),
            "disable_parallel_tool_use": whatever("One call at a time", "true or false"),
        },
        "description": "Whether a tool may or must be called",
    },
    "thinking": {
        "type": ["object", "null"],
        "required": ["type"],
        "properties": {
            "type": {"enum": ["enabled", "adaptive", "between_tools", "disabled"], "description": "Whether it thinks"},
            "budget_tokens": whatever("Of the type `enabled`: below 4096 it thinks little", "integer"),
            "display": whatever("`omitted`: thoughts are not shown", "text"),
        },
        "description": "Whether the model thinks before it answers, and whether that is shown",
    },
    "output_config": {
        "type": ["object", "null"],
        "properties": {
            "effort": {"enum": list(_EFFORTS), "description": "How much the model thinks"},
            "format": _FORM,
        },
        "description": "How the answer has to be",
    },
    "output_format": whatever("What `output_config.format` was called before"),
}
SCHEMAS: Final[Json] = {
    "MessageRequest": record(
        {
            **_ASKED,
            "max_tokens": {
                "type": "integer",
                "minimum": 1,
                "description": "The answer ends after so many tokens, thinking included",
            },
            "stream": flag("Events as they come, in place of one message"),
            "stop_sequences": {
                "type": ["array", "null"],
                "maxItems": MOST_STOPS,
                "items": {**TEXT, "maxLength": LONGEST_STOP},
                "description": "The answer ends before the first of these",
            },
            "temperature": whatever("Handed on to official keys; the web chat has no such thing", "number"),
            "top_p": whatever("The same", "number"),
        },
        *("model", "max_tokens", "messages"),
    ),
    "CountRequest": record(_ASKED, *("model", "messages")),
    **answers.SCHEMAS,
}
_ASK: Final = operation(
    "Answer a conversation for clients of Anthropic's Messages",
    "For Claude Code and Anthropic's SDKs: their base URL is this gateway without `/v1`. Anthropic's names of models "
    "stand for `KIMI_CLAUDE_MODEL`. Errors have Anthropic's shape and statuses, also in a stream, where `error` is the "
    "last event; `ping` comes in silences.",
    {
        **good(
            "The message, or a stream of events",
            {**as_json(ref("AnsweredMessage"), examples.ANSWERS), **as_events(ref("MessageEvent"), examples.STREAMS)},
            "request-id",
            *names(ANTHROPIC),
        ),
        **messages_errors(*ASKING, *FORMS),
    },
    surface=_SURFACE,
    body=as_json(ref("MessageRequest"), examples.REQUESTS),
)
_COUNT: Final = operation(
    "Estimate the tokens of a question",
    "The same figures that an answer would have under `usage`. No account is asked.",
    {
        **good(
            "The estimate",
            as_json(
                record({"input_tokens": said(COUNT, "About so many")}, "input_tokens"),
                {"count": example("An estimate", {"input_tokens": 8})},
            ),
            "request-id",
        ),
        **messages_errors(*KEY, *BODY, *MODEL, "InvalidSchema"),
    },
    surface=_SURFACE,
    body=as_json(ref("CountRequest"), examples.COUNTED),
)
PATHS: Final[Json] = {"/v1/messages": {"post": _ASK}, "/v1/messages/count_tokens": {"post": _COUNT}}
