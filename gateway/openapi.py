"""The API in OpenAPI's words."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import orjson

from gateway import openapi_admin as admin
from gateway import openapi_chat as chat
from gateway import openapi_completions as completions
from gateway import openapi_messages as messages
from gateway import openapi_models as models
from gateway import openapi_probes as probes
from gateway import openapi_responses as responses
from gateway.openapi_problems import ANYWHERE, SCHEMAS, errors, examples
from gateway.openapi_standings import STANDINGS
from gateway.openapi_words import HEADERS, Json
from kimi.version import VERSION

_SAYS: Final = (
    "A gateway over a pool of Kimi accounts, compatible with OpenAI's API and with Anthropic's Messages.\n\n"
    "Send a client key as `Authorization: Bearer KEY` or as `x-api-key: KEY`. "
    "Every answer has an `x-request-id`, by which the log knows the request. "
    "`OPTIONS` anywhere is answered with 204 and without a key; pages of any origin may ask, but not below `/admin`. "
    "Any other path is a 404, another method a 405, each with the same error object."
)
_TAGS: Final = (
    ("Chat completions", "OpenAI's chat completions, and two older forms of the same question"),
    ("Responses", "OpenAI's newer API, for Codex and agents"),
    ("Messages", "Anthropic's API, for Claude Code"),
    ("Models", "What can be asked"),
    ("For one-api and tokens", "What other gateways ask"),
    (admin.SURFACE, admin.SAYS),
    ("Probes and documents", "For whoever runs this gateway; no key is needed"),
)
_EXAMPLE: Final = re.compile(rb'"#/components/examples/([\w.]+)"')


def document() -> Json:
    """The OpenAPI document."""
    paths: Json = {
        **chat.PATHS,
        **completions.PATHS,
        **responses.PATHS,
        **messages.PATHS,
        **models.PATHS,
        **admin.PATHS,
        **probes.PATHS,
    }
    anywhere = {f"Anywhere{status}": answer for status, answer in errors(*ANYWHERE).items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kimi gateway", "version": VERSION, "description": _SAYS},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": says} for name, says in _TAGS],
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A client key"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same"},
                **admin.SCHEMES,
            },
            "headers": {**HEADERS, **STANDINGS},
            "responses": anywhere,
            "examples": _used(paths, anywhere),
            "schemas": {
                **SCHEMAS,
                **chat.SCHEMAS,
                **completions.SCHEMAS,
                **messages.SCHEMAS,
                **responses.SCHEMAS,
                **models.SCHEMAS,
                **admin.SCHEMAS,
            },
        },
    }


@cache
def as_bytes() -> bytes:
    """The document as JSON; it is the same for as long as the process lives."""
    return orjson.dumps(document())


def _used(*parts: Any) -> Json:
    """The examples of errors that `parts` refer to."""
    names = {name.decode() for name in _EXAMPLE.findall(orjson.dumps(parts))}
    return {name: value for name, value in examples().items() if name in names}
