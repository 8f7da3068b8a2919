"""The older forms of the question in OpenAPI's words: one prompt, and one message for an EventSource."""

from __future__ import annotations

from typing import Final

from gateway import openapi_chat as chat
from gateway.openapi_chat_answers import HEAD, head
from gateway.openapi_problems import ASKING, CONVERSATIONS, FORMS, errors
from gateway.openapi_words import (
    TEXT,
    Json,
    as_events,
    as_json,
    example,
    good,
    listed,
    operation,
    record,
    ref,
    said,
    stream,
    text,
    whatever,
)
from gateway.standings import OPENAI, names

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
_USAGE: Final[Json] = {"prompt_tokens": 8, "completion_tokens": 11, "total_tokens": 19}
_ANSWER: Final[Json] = {"id": "cmpl-f20f9964375a", "object": "text_completion", "created": 1_795_311_548}


def _choice(*reasons: str | None) -> Json:
    return record(
        {
            "index": {"const": 0},
            "text": text("The answer, or its next piece"),
            "logprobs": {"type": "null"},
            "finish_reason": {"enum": list(reasons)},
        },
        *("index", "text", "finish_reason"),
    )


def _said(content: str, reason: str | None, **more: Json) -> Json:
    choice = {"index": 0, "text": content, "logprobs": None, "finish_reason": reason}
    return {**_ANSWER, "model": "kimi", "choices": [choice], **more}


_REASONS: Final = ("stop", "length", "content_filter")
SCHEMAS: Final[Json] = {
    "CompletionRequest": record(
        {
            "model": text("As in chat completions"),
            "prompt": {
                "anyOf": [TEXT, {"type": "array", "minItems": 1, "maxItems": 1, "items": TEXT}],
                "description": "What the user says; the answer is not its continuation",
            },
            **chat.OPTIONS,
            "best_of": {"enum": [1, None], "description": "There is one answer"},
            "echo": whatever("False: the prompt is not repeated", "`false`"),
            "suffix": whatever("Nothing: nothing can come behind the answer", "nothing"),
            "logprobs": {"enum": [False, None], "description": "Nobody tells of probabilities"},
        },
        *("model", "prompt"),
    ),
    "Completion": record(
        {
            **head("text_completion"),
            "choices": listed(_choice(*_REASONS), "There is one"),
            "usage": ref("Usage"),
        },
        *(*HEAD, "choices", "usage"),
    ),
    "CompletionChunk": record(
        {
            **head("text_completion"),
            "choices": listed(_choice(*_REASONS, None)),
            "usage": ref("Usage"),
            "error": said(record({"message": TEXT, "code": TEXT}), "Why the answer ends here, and is not complete"),
        },
        *(*HEAD, "choices"),
        says="The data of one event of a stream; the last one is the text `[DONE]`",
    ),
    "TextRequest": record(
        {
            "message": whatever("What the user says, unless the query says it", "text"),
            "model": whatever("`kimi` where none is named; the query goes before", "text"),
        },
    ),
}
_COMPLETION: Final = operation(
    "Answer one prompt as bare text",
    "OpenAI's former completions, for programs that know nothing else. The prompt is asked as a question of the user.",
    {
        **good(
            "The answer, or a stream of its chunks",
            {
                **as_json(ref("Completion"), {"answer": example("An answer", _said("你好！", "stop", usage=_USAGE))}),
                **as_events(
                    ref("CompletionChunk"),
                    {
                        "stream": example(
                            "A stream", stream(_said("你好！", None), _said("", "stop", usage=_USAGE), "[DONE]")
                        )
                    },
                ),
            },
            *names(OPENAI),
        ),
        **errors(*ASKING, *FORMS, *CONVERSATIONS),
    },
    surface=chat.SURFACE,
    body=as_json(
        ref("CompletionRequest"),
        {
            "prompt": example("A prompt", {"model": "kimi", "prompt": "你好！"}),
            "streamed": example("A stream", {"model": "kimi", "prompt": "你好！", "stream": True}),
        },
    ),
)
_TEXT_CHAT: Final = operation(
    "Answer one message for a page's EventSource",
    "Each event is the next piece of bare text, a line of it in each `data:`. `event: done` ends the answer, "
    "`event: error` with an error object says that there is none, or no more of it. "
    "`message` and `model` stand in the query, in a form or in a JSON object; what stands in the query goes before.",
    {
        **good(
            "Each piece of text is an event",
            {
                "text/event-stream": {
                    "examples": {
                        "stream": example(
                            "A stream", "data: 你好！\n\ndata: 有什么可以帮你？\n\nevent: done\ndata: [DONE]\n\n"
                        ),
                        "failed": example(
                            "An answer that fails half-way",
                            'data: 你好！\n\nevent: error\ndata: {"error":{"message":"Kimi did not answer in time.",'
                            '"type":"server_error","param":null,"code":"upstream_timeout"}}\n\n',
                        ),
                    }
                }
            },
            *names(OPENAI),
        ),
        **errors(*ASKING, "InvalidForm"),
    },
    surface=chat.SURFACE,
    parameters=[
        {"name": name, "in": "query", "required": False, "schema": TEXT, "description": says}
        for name, says in (("message", "What the user says"), ("model", "`kimi` where none is named"))
    ],
)
_TEXT_CHAT["requestBody"] = {
    "description": "`message` may stand here as well",
    "content": {
        kind: {
            "schema": ref("TextRequest"),
            "examples": {"message": example("A message", {"message": "你好！", "model": "kimi"})},
        }
        for kind in _FORMS
    },
}
PATHS: Final[Json] = {"/v1/completions": {"post": _COMPLETION}, "/chat/kimi": {"post": _TEXT_CHAT}}
