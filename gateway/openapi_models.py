"""Models, refresh tokens and one-api's balance query in OpenAPI's words."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_problems import BODY, KEY, MODEL, errors, errors_in_either_shape
from gateway.openapi_words import (
    COUNT,
    TEXT,
    Json,
    as_json,
    example,
    good,
    listed,
    operation,
    record,
    ref,
    said,
    text,
)

_MODELS: Final = "Models"
_ONE_API: Final = "For one-api and tokens"
_KIMI: Final[Json] = {"id": "kimi", "object": "model", "created": 1_696_809_600, "owned_by": "moonshot"}
_THEIRS: Final[Json] = {
    "type": "model",
    "id": "kimi",
    "display_name": "kimi",
    "created_at": "2023-10-09T00:00:00Z",
    "lifecycle": "active",
}
_NUMBER: Final[Json] = {"type": "number", "minimum": 0}
_VERSION: Final[Json] = {
    "name": "anthropic-version",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "With it the answer has the form of Anthropic's API",
}
SCHEMAS: Final[Json] = {
    "Model": record(
        {
            "id": text("What `model` of a request can be"),
            "object": {"const": "model"},
            "created": said(COUNT, "Unix seconds, the same for all"),
            "owned_by": TEXT,
        },
        *("id", "object", "created", "owned_by"),
    ),
    "ModelList": record({"object": {"const": "list"}, "data": listed(ref("Model"))}, *("object", "data")),
    "MessagesModel": record(
        {"type": {"const": "model"}, "id": TEXT, "display_name": TEXT, "created_at": TEXT},
        *("type", "id", "display_name", "created_at"),
        says="The same for Anthropic's clients",
    ),
    "MessagesModelList": record(
        {
            "data": listed(ref("MessagesModel")),
            "has_more": {"const": False},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
        },
        *("data", "has_more", "first_id", "last_id"),
    ),
}


def _asked(summary: str, description: str, content: Json, *wrong: str, surface: str, **more: Any) -> Json:
    told = errors_in_either_shape if surface == _MODELS else errors
    answers = {**good("The answer", content), **told(*KEY, *wrong)}
    return operation(summary, description, answers, surface=surface, **more)


_LIST: Final = _asked(
    "List the models that can be asked",
    "What the accounts of the pool serve now, with the operator's further names. Answered from memory: no account is "
    "asked. Also served without `/v1`.",
    as_json(
        {"anyOf": [ref("ModelList"), ref("MessagesModelList")]},
        {
            "models": example("The list", {"object": "list", "data": [_KIMI, {**_KIMI, "id": "kimi-thinking"}]}),
            "anthropic": example(
                "For a request with `anthropic-version`",
                {"data": [_THEIRS], "has_more": False, "first_id": "kimi", "last_id": "kimi"},
            ),
        },
    ),
    surface=_MODELS,
    parameters=[_VERSION],
)
_ONE: Final = _asked(
    "Look one model up",
    "Also those that the list leaves out: features in any order, and agents by their 20-character ids.",
    as_json(
        {"anyOf": [ref("Model"), ref("MessagesModel")]},
        {
            "model": example("The model", _KIMI),
            "anthropic": example("For a request with `anthropic-version`", _THEIRS),
        },
    ),
    *MODEL,
    surface=_MODELS,
    parameters=[
        {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": TEXT,
            "description": "A base and features in any order, as in `kimi-search-thinking`",
            "example": "kimi-search-thinking",
        },
        _VERSION,
    ],
)
_CHECK: Final = _asked(
    "Tell whether a refresh token is good",
    "kimi-free-api's question. Where clients may bring refresh tokens in place of a key (`GATEWAY_PASSTHROUGH`), it "
    "needs no key, and a token that is not known yet is adopted.",
    as_json(
        record({"live": {"type": "boolean", "description": "Whether Kimi takes it"}}, "live"),
        {"live": example("It is good", {"live": True}), "dead": example("It is not", {"live": False})},
    ),
    *BODY,
    surface=_ONE_API,
    body=as_json(
        record({"token": text("A refresh token")}, "token"), {"token": example("A token", {"token": "eyJhbGciOi…"})}
    ),
)
_SUBSCRIPTION: Final = _asked(
    "Tell one-api how much there is",
    "one-api looks up what is left in a channel, and switches one off where that is nothing. Here nothing is ever used "
    "up: the figures are always the same. Also served without `/v1`.",
    as_json(
        record(
            {
                "object": {"const": "billing_subscription"},
                "has_payment_method": {"type": "boolean"},
                "soft_limit_usd": _NUMBER,
                "hard_limit_usd": _NUMBER,
                "system_hard_limit_usd": _NUMBER,
                "access_until": said(COUNT, "Unix seconds"),
            },
            *("object", "hard_limit_usd"),
        ),
        {
            "limit": example(
                "The answer",
                {
                    "object": "billing_subscription",
                    "has_payment_method": True,
                    "soft_limit_usd": 1_000_000.0,
                    "hard_limit_usd": 1_000_000.0,
                    "system_hard_limit_usd": 1_000_000.0,
                    "access_until": 4_102_444_800,
                },
            )
        },
    ),
    surface=_ONE_API,
)
_USAGE: Final = _asked(
    "Tell one-api how much was used",
    "The other half of that question: nothing.",
    as_json(
        record({"object": {"const": "list"}, "total_usage": _NUMBER}, *("object", "total_usage")),
        {"usage": example("The answer", {"object": "list", "total_usage": 0.0})},
    ),
    surface=_ONE_API,
)
PATHS: Final[Json] = {
    "/v1/models": {"get": _LIST},
    "/v1/models/{id}": {"get": _ONE},
    "/token/check": {"post": _CHECK},
    "/v1/dashboard/billing/subscription": {"get": _SUBSCRIPTION},
    "/v1/dashboard/billing/usage": {"get": _USAGE},
}
