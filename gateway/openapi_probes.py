"""What watches the gateway, and what describes it, in OpenAPI's words. None of it needs a key."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_words import TEXT, Json, as_json, as_text, example, good, listed, operation, record

_SURFACE: Final = "Probes and documents"
_READY: Final[Json] = {"ready": True, "usable_accounts": 4, "redis": "up", "reasons": [], "notes": []}
_STATE: Final = record(
    {
        "ready": {"type": "boolean", "description": "Whether requests can be served"},
        "usable_accounts": {"type": ["integer", "null"], "description": "So many can answer; null: nobody knows"},
        "redis": {"enum": ["up", "away"], "description": "Whether Redis answers"},
        "reasons": listed(TEXT, "Why the gateway cannot serve"),
        "notes": listed(TEXT, "What is worth knowing although it can"),
    },
    *("ready", "usable_accounts", "redis", "reasons", "notes"),
)


def _open(summary: str, description: str, content: Json, **more: Any) -> Json:
    answers = {**good("The answer", content), **more}
    return operation(summary, description, answers, surface=_SURFACE, needs_key=False)


_UNREADY: Final = {
    **good(
        "Requests cannot be served, and why",
        as_json(
            _STATE,
            {
                "empty": example(
                    "No account can serve",
                    {**_READY, "ready": False, "usable_accounts": 0, "reasons": ["no usable account"]},
                ),
                "away": example(
                    "Redis was never reached",
                    {
                        **_READY,
                        "ready": False,
                        "usable_accounts": None,
                        "redis": "away",
                        "reasons": ["Redis does not answer"],
                    },
                ),
                "sealed": example(
                    "This gateway was forgotten when the keys were changed that seal what Redis holds",
                    {
                        **_READY,
                        "ready": False,
                        "reasons": ["Redis holds secrets that no key of TOKEN_ENCRYPTION_KEYS opens"],
                    },
                ),
            },
        ),
    )["200"]
}
PATHS: Final[Json] = {
    "/healthz": {
        "get": _open(
            "Tell whether the process lives",
            "For whoever restarts processes that hang.",
            as_json(
                record({"status": {"const": "ok"}}, "status"), {"ok": example("The only answer", {"status": "ok"})}
            ),
        )
    },
    "/readyz": {
        "get": _open(
            "Tell whether requests can be served",
            "There is an account that can answer, Redis is known and can be read, or the gateway serves from memory, "
            "and it is not shutting down.",
            as_json(_STATE, {"ready": example("They can", _READY)}),
            **{"503": _UNREADY},
        )
    },
    "/metrics": {
        "get": _open(
            "Figures for Prometheus",
            "All workers together, in Prometheus's text format.",
            as_text(
                "text/plain",
                "# HELP kimi_gateway_in_flight Answers that are running\n"
                "# TYPE kimi_gateway_in_flight gauge\n"
                "kimi_gateway_in_flight 3.0\n",
            ),
        )
    },
    "/openapi.json": {
        "get": _open(
            "This document",
            "In OpenAPI 3.1, for programs.",
            as_json(
                record({"openapi": TEXT, "info": {"type": "object"}, "paths": {"type": "object"}}, "openapi", "paths"),
                {"head": example("How it begins", {"openapi": "3.1.0", "paths": {}})},
            ),
        )
    },
    "/docs": {
        "get": _open(
            "This document for people",
            "One page that loads nothing from elsewhere.",
            as_text("text/html", "<!doctype html>…"),
        )
    },
}
