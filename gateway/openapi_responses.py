"""OpenAI's Responses in OpenAPI's words, as far as they are served here."""

from __future__ import annotations

from typing import Final

from gateway import openapi_responses_answers as answers
from gateway import openapi_responses_examples as examples
from gateway.openapi_problems import ASKING, BODY, FORMS, KEY, errors
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
from gateway.standings import OPENAI, names
from gateway.surfaces.hints import EFFORTS

_SURFACE: Final = "Responses"
_MAYBE: Final[Json] = {"type": ["string", "null"]}
_ITEM: Final = record(
    {
        "type": text(
            "`message` (also where there is none), `agent_message`, `reasoning`, "
            "`function_call`, `function_call_output`, "
            "`custom_tool_call`, `custom_tool_call_output`, `tool_search_call`, `tool_search_output`, "
            "`additional_tools`, `item_reference` to an item of a response that can be followed"
        ),
        "role": whatever("Who speaks in a message: `user`, `system`, `developer` or `assistant`", "text"),
        "content": whatever("A text, or parts: `input_text`, `output_text`, `input_image`, `input_file`"),
        "call_id": whatever("The call, or the one whose result this is", "text"),
        "name": whatever("The tool that was called", "text"),
        "arguments": whatever("A text that holds JSON"),
        "output": whatever("What came of a call: a text or parts, as `content`"),
        "id": whatever("The item's id, also of the one that an `item_reference` means", "text"),
    }
)
_TOOL: Final = record(
    {
        "type": text(
            "`function`, `custom`, `namespace` (of those), `tool_search`, or `web_search`, for which Kimi searches "
            "itself; nothing else that OpenAI runs"
        ),
        "name": whatever("What it is called by", "text"),
        "description": whatever("What it does, for the model", "text"),
        "parameters": whatever("The JSON schema of a function's arguments", "object"),
        "strict": whatever("Changes nothing: arguments are checked in any case"),
        "format": whatever("The grammar that a custom tool's text has to follow; the model is told it"),
        "tools": whatever("The functions and custom tools of a namespace"),
        "execution": whatever("Of a `tool_search`: `client` where the client searches"),
        "external_web_access": whatever("Of a `web_search`: false leaves the search out"),
    },
    "type",
)
_ASKED: Final[Json] = {
    "model": text("A base and features in any order, as in `kimi-search-thinking`; see `GET /v1/models`"),
    "input": {
        "anyOf": [TEXT, {**listed(_ITEM), "minItems": 1}],
        "description": "A text of the user, or items of the conversation, oldest first",
    },
    "instructions": said(_MAYBE, "What the model is told before all else"),
    "tools": {"type": ["array", "null"], "items": _TOOL, "description": "What the model may call"},
    "tool_choice": whatever("auto, none, required, or an object that names a tool or those that are allowed"),
    "parallel_tool_calls": whatever("False: one call at a time", "true or false"),
    "text": {
        "type": ["object", "null"],
        "description": "The form of the answer",
        "properties": {
            "format": {
                "type": ["object", "null"],
                "required": ["type"],
                "description": "Text, or JSON that is checked; of the type `json_schema` the schema stands in `schema`",
                "properties": {
                    "type": {"enum": ["text", "json_object", "json_schema"], "description": "What it has to be"},
                    "name": whatever("What a schema is called"),
                    "schema": whatever("A JSON schema; no `$ref` may lead out of it"),
                },
            }
        },
    },
    "reasoning": {
        "type": ["object", "null"],
        "description": "How the model thinks",
        "properties": {"effort": {"enum": [*EFFORTS, "", None], "description": "How much; it does as well as it can"}},
    },
    "previous_response_id": {
        **_MAYBE,
        "description": "The response of a web account behind which this is asked; all of `input` is then new",
    },
}
SCHEMAS: Final[Json] = {
    "ResponseRequest": record(
        {
            **_ASKED,
            "stream": flag("Typed events as they come, in place of one response"),
            "store": flag("False: nobody asks behind this response, and its chat is deleted sooner"),
            "max_output_tokens": {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": "The answer ends after so many tokens, thinking included",
            },
            "temperature": whatever("Handed on to official keys; the web chat has no such thing", "number"),
            "top_p": whatever("The same", "number"),
            "metadata": whatever("Comes back with the response", "object"),
        },
        *("model", "input"),
    ),
    "ResponseTokensRequest": record(
        {**_ASKED, "model": whatever("Any name: the estimate is the same for all", "text")}, *("model", "input")
    ),
    **answers.SCHEMAS,
}
_ASK: Final = operation(
    "Answer a conversation as OpenAI's response",
    "For Codex, OpenAI's agents and SDKs. Responses are not kept, so there is none to be got: `previous_response_id` "
    "goes on with the chat that a response came from, once, for `KIMI_CONVERSATION_SECONDS`.\n\n"
    "A stream is typed events with numbers. One that fails ends with `error` and `response.failed`; in silences "
    "`response.in_progress` comes once more.",
    {
        **good(
            "The response, or a stream of events",
            {**as_json(ref("Response"), examples.ANSWERS), **as_events(ref("ResponseEvent"), examples.STREAMS)},
            *names(OPENAI),
        ),
        **errors(*ASKING, *FORMS, "ResponseLost"),
    },
    surface=_SURFACE,
    body=as_json(ref("ResponseRequest"), examples.REQUESTS),
)
_COUNT: Final = operation(
    "Estimate the tokens of an input",
    "The same figures that an answer would have under `usage`. No account is asked.",
    {
        **good(
            "The estimate",
            as_json(
                record(
                    {"object": {"const": "response.input_tokens"}, "input_tokens": said(COUNT, "About so many")},
                    *("object", "input_tokens"),
                ),
                {"count": example("An estimate", {"object": "response.input_tokens", "input_tokens": 8})},
            ),
        ),
        **errors(*KEY, *BODY, "InvalidSchema"),
    },
    surface=_SURFACE,
    body=as_json(ref("ResponseTokensRequest"), {"count": example("An input", {"model": "kimi", "input": "你好！"})}),
)
PATHS: Final[Json] = {"/v1/responses": {"post": _ASK}, "/v1/responses/input_tokens": {"post": _COUNT}}
