"""What chat completions are asked in OpenAPI's words; the older forms of the question have most of it."""

from __future__ import annotations

from typing import Any, Final

from gateway import openapi_chat_answers as answers
from gateway import openapi_chat_examples as examples
from gateway import openapi_tools as tools
from gateway.openapi_problems import ASKING, CONVERSATIONS, FORMS, errors
from gateway.openapi_words import (
    TEXT,
    Json,
    as_events,
    as_json,
    flag,
    good,
    listed,
    loose,
    operation,
    optional,
    record,
    ref,
    text,
    whatever,
)
from gateway.standings import OPENAI, names
from gateway.surfaces.hints import EFFORTS
from gateway.surfaces.limits import LONGEST_STOP, MOST_STOPS

SURFACE: Final = "Chat completions"
_LIMIT: Final[Json] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "description": "The answer ends after so many tokens, thinking included; of the two the smaller one counts",
}
_STOPPING: Final[Json] = {**TEXT, "maxLength": LONGEST_STOP}
_STOP: Final[Json] = {
    "anyOf": [_STOPPING, {"type": "array", "maxItems": MOST_STOPS, "items": _STOPPING}, {"type": "null"}],
    "description": "The answer ends before the first of these",
}
_EFFORT: Final[Json] = {
    "enum": [*EFFORTS, "", None],
    "description": "How much the model thinks; it does as well as it can",
}
_URL: Final = whatever(
    "An http, https or `data:` URL of a public address; also as an object with `url`", "text or object"
)
_PART: Final = record(
    {
        "type": text("`text`, `image_url`, `file`, `file_url`, `input_text`, `input_image` or `input_file`"),
        "text": whatever("What a part of the type `text` says", "text"),
        "image_url": _URL,
        "file_url": _URL,
        "file": loose(
            {
                "filename": whatever("A name, by which errors speak of it", "text"),
                "file_data": whatever("The content in base64, or as a `data:` URL", "text"),
                "url": whatever("An http, https or `data:` URL in its place", "text"),
            },
            "A document, in OpenAI's form",
        ),
    },
    "type",
    says="A piece of what a message says: a text, an image or a document",
)
_FORM: Final = record(
    {
        "type": {"enum": ["text", "json_object", "json_schema"], "description": "What the answer has to be"},
        "json_schema": loose(
            {
                "name": whatever("What it is called", "text"),
                "description": whatever("What it is, for the model", "text"),
                "schema": whatever("The JSON schema; no `$ref` may lead out of it", "object"),
                "strict": whatever("Changes nothing: the answer is checked in any case", "true or false"),
            },
            "Of the type `json_schema`",
        ),
    },
    "type",
)
OPTIONS: Final[Json] = {
    "stream": flag("Events as they come, in place of one object"),
    "stream_options": optional(
        record(
            {"include_usage": flag("The usage in a last chunk of its own, with no choices")}, says="Wishes of a stream"
        )
    ),
    "n": {"enum": [1, None], "description": "There is one answer"},
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
    "stop": _STOP,
    "response_format": {
        "anyOf": [_FORM, {"type": "null"}],
        "description": "The answer is JSON that was checked; a stream of it comes at once when it is complete",
    },
    "use_search": flag("Let Kimi search the web; false goes before `-search` in `model`"),
    "web_search_options": {"type": ["object", "null"], "description": "Any object lets Kimi search the web"},
    "reasoning_effort": _EFFORT,
    "reasoning": {
        "type": ["object", "null"],
        "properties": {
            "effort": whatever("The same, where `reasoning_effort` does not say it", "text"),
            "enabled": flag("Whether it thinks at all"),
        },
        "description": "The same as `reasoning_effort`, as other gateways have it",
    },
    "thinking": {
        "anyOf": [
            record(
                {
                    "type": {
                        "enum": ["enabled", "disabled", "auto", "adaptive", None],
                        "description": "Whether it thinks",
                    }
                }
            ),
            flag("The same in one word"),
        ],
        "description": "Whether the model thinks before it answers",
    },
    "enable_thinking": flag("The same, as other gateways have it"),
    "conversation_id": {
        "type": ["string", "null"],
        "description": "`none` begins a conversation; with the `id` of its answers only what is new is sent",
    },
    **{
        name: whatever("Handed on to official keys; the web chat has no such thing")
        for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "seed", "user")
    },
}
"""Of all requests for an answer."""


def _message(says: str, *roles: str, **fields: Any) -> Json:
    """A message of one of `roles`, with the `fields` that are read of those alone."""
    content = {"anyOf": [TEXT, listed(ref("Part")), {"type": "null"}], "description": "A text, or parts"}
    return record(
        {"role": {"enum": list(roles), "description": "Who speaks"}, "content": content, **fields}, "role", says=says
    )


SCHEMAS: Final[Json] = {
    "Part": _PART,
    "Message": {
        "anyOf": [
            _message("What the model is told or asked", "system", "developer", "user"),
            _message("What it answered", "assistant", **tools.CALLS),
            _message("What came of a call", "tool", "function", **tools.RESULT),
        ]
    },
    "ChatRequest": record(
        {
            "model": text("A base and features in any order, as in `kimi-search-thinking`; see `GET /v1/models`"),
            "messages": {**listed(ref("Message"), "The conversation so far, oldest first"), "minItems": 1},
            **OPTIONS,
            **tools.REQUEST,
        },
        *("model", "messages"),
    ),
    **answers.SCHEMAS,
}
_CHAT: Final = operation(
    "Answer a conversation",
    "The last message is answered, whole or as a stream. Also served at `/chat/completions`, `/v1/v1/chat/completions`"
    " and `/v1/chat/completitions`, with doubled or trailing slashes.\n\n"
    "Fields that nobody knows are ignored, and booleans may come as words. A stream is lines of `data:` with a JSON "
    "object each, then `data: [DONE]`; comments keep it alive in silences. One that fails half-way ends with a chunk "
    "that has an `error` and no choices: an answer that was cut off is never told as complete.",
    {
        **good(
            "The answer, or a stream of its chunks",
            {
                **as_json(ref("ChatCompletion"), examples.ANSWERS),
                **as_events(ref("ChatChunk"), examples.STREAMS),
            },
            *names(OPENAI),
        ),
        **errors(*ASKING, *FORMS, *CONVERSATIONS),
    },
    surface=SURFACE,
    body=as_json(ref("ChatRequest"), examples.REQUESTS),
)
PATHS: Final[Json] = {"/v1/chat/completions": {"post": _CHAT}}
