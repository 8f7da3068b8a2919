"""The API in OpenAPI's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway import openapi_chat as chat
from gateway import openapi_messages as messages
from gateway import openapi_responses as responses
from gateway.openapi_words import COUNT, TEXT, as_json, errors, ref

_VERSION: Final = "0.1.0"


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kimi gateway",
            "version": _VERSION,
            "description": (
                "A gateway over a pool of Kimi accounts, compatible with OpenAI's API and with Anthropic's Messages."
            ),
        },
        "security": [{"bearer": []}, {"header": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": {**_SCHEMAS, **chat.SCHEMAS, **messages.SCHEMAS, **responses.SCHEMAS},
        },
        "paths": {
            **chat.PATHS,
            **responses.PATHS,
            **messages.PATHS,
            "/v1/models": {"get": _get("The models that can be asked", ref("ModelList"))},
            "/v1/models/{id}": {"get": _MODEL},
            "/token/check": {"post": _TOKEN_CHECK},
            "/v1/dashboard/billing/subscription": {"get": _get("one-api's question for the limit", _ANY)},
            "/v1/dashboard/billing/usage": {"get": _get("one-api's question for what was used", _ANY)},
            "/healthz": {"get": _open("Whether the process lives", _ANY)},
            "/readyz": {"get": _open("Whether requests can be served; 503 tells why not", _ANY, "503")},
            "/metrics": {"get": {**_open("Figures in Prometheus's text format"), **_plain("text/plain")}},
            "/openapi.json": {"get": _open("This document", _ANY)},
            "/docs": {"get": {**_open("This document for people"), **_plain("text/html")}},
        },
    }


def _get(summary: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A question that needs a key."""
    good = {"200": {"description": "The answer", "content": as_json(schema)}}
    return {"summary": summary, "responses": {**good, **errors("401", "429", "503")}}


def _open(summary: str, schema: Mapping[str, Any] | None = None, *statuses: str) -> dict[str, Any]:
    """A question that needs no key."""
    answer = {"description": "The answer", "content": as_json(schema or _ANY)}
    return {"summary": summary, "security": [], "responses": dict.fromkeys(("200", *statuses), answer)}


def _plain(kind: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": "The answer", "content": {kind: {"schema": {"type": "string"}}}}}}


_ANY: Final[dict[str, Any]] = {"type": "object"}
_SCHEMAS: Final[dict[str, Any]] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {"message": TEXT, "type": TEXT, "param": {"type": ["string", "null"]}, "code": TEXT},
            }
        },
    },
    "Model": {
        "type": "object",
        "required": ["id", "object", "created", "owned_by"],
        "properties": {"id": TEXT, "object": {"const": "model"}, "created": COUNT, "owned_by": TEXT},
    },
    "ModelList": {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
        },
    },
}
_TOKEN_CHECK: Final[dict[str, Any]] = {
    "summary": "Whether a refresh token is good; needs no key where tokens are taken in place of keys",
    "requestBody": {
        "required": True,
        "content": as_json({"type": "object", "required": ["token"], "properties": {"token": TEXT}}),
    },
    "responses": {
        "200": {
            "description": "The answer",
            "content": as_json({"type": "object", "required": ["live"], "properties": {"live": {"type": "boolean"}}}),
        },
        **errors("400", "401", "429", "503"),
    },
}
_MODEL: Final[dict[str, Any]] = {
    "summary": "One model",
    "parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}],
    "responses": {
        "200": {"description": "The model", "content": as_json(ref("Model"))},
        **errors("400", "401", "404", "429", "503"),
    },
}
