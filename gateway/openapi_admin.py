"""The operators' page and API, in OpenAPI's words."""

from __future__ import annotations

from typing import Final

import orjson

from gateway import openapi_admin_accounts as accounts
from gateway import openapi_chat as chat
from gateway.openapi_admin_samples import ACCOUNT, ALERT, ENTRY, KEY, OVERVIEW, POINT, SESSION
from gateway.openapi_admin_schemas import SCHEMAS
from gateway.openapi_admin_words import SCHEMES, SESSION_ONLY, SURFACE, asked, closed, operators, parameter
from gateway.openapi_models import PATHS as MODELS
from gateway.openapi_problems import ADMIN, ASKING, CONVERSATIONS, FORMS, errors
from gateway.openapi_problems import KEY as CLIENT_KEY
from gateway.openapi_words import (
    TEXT,
    Json,
    as_events,
    as_json,
    as_text,
    example,
    good,
    operation,
    record,
    ref,
    text,
)
from kimi.pool.figures import Span

__all__ = ["PATHS", "SAYS", "SCHEMAS", "SCHEMES", "SURFACE"]

SAYS: Final = (
    "What `/admin` shows, for programs; off without `GATEWAY_ADMIN_KEY`: then all of it is a 404. "
    "Send that key, not one of a client. Whatever changes something is noted in the audit log"
)
_ID: Final = parameter("id", "path", TEXT, "The id of the key", KEY["id"], needed=True)
_NAME: Final = text("What the log calls its client: 1 to 64 characters, unique")
_PAGE: Final = operation(
    "The operators' page",
    "One page that loads nothing from elsewhere. Its files are at `/admin/static/…`.",
    {**good("The page", as_text("text/html", "<!doctype html>…")), **errors("AdminOff")},
    surface=SURFACE,
    needs_key=False,
)
_SIGN_IN: Final = asked(
    "Sign in",
    "Opens a session of 12 hours: a cookie that scripts cannot read, and a token that all but GET has to bring along "
    "as `x-csrf-token`. From the fifth wrong key of an address on, none is looked at for a time that doubles up to a "
    "minute.",
    as_json(ref("Session"), {"session": example("The session", SESSION)}),
    body=as_json(
        closed(record({"key": text("`GATEWAY_ADMIN_KEY`")}, "key")), {"key": example("The key", {"key": "…"})}
    ),
)
_SIGNED_IN: Final = asked(
    "Look whether you are signed in",
    "The session of the cookie; a 401 where there is none, also with the admin key, which needs no session.",
    as_json(ref("Session"), {"session": example("The session", SESSION)}),
    reads=True,
)
_SIGN_OUT: Final = asked("Sign out", "The session ends at once, wherever its cookie is.", {}, status=204)
_STREAM: Final = asked(
    "Follow what changes",
    "Server-sent events: `overview` every 2 s, `accounts` within a second of a change. Whoever shows all accounts "
    "opens this first, then asks for the list, and takes what is told later for what is so. "
    "At most 32 look at one worker.",
    as_events(
        {"anyOf": [ref("Overview"), ref("AccountChanges")]},
        {
            "stream": example(
                "Two events",
                f"event: overview\ndata: {orjson.dumps(OVERVIEW).decode()}\n\nevent: accounts\ndata: "
                f"{orjson.dumps({'now': OVERVIEW['now'], 'accounts': [ACCOUNT], 'removed': ['carol']}).decode()}\n\n",
            )
        },
    ),
    *("TooManyViewers", "Draining"),
    reads=True,
)
_CREATE: Final = asked(
    "Create a client key",
    "The key is in the answer, and nowhere else: only its digest is kept.",
    as_json(
        ref("NewClientKey"),
        {"key": example("The key", {"key": "sk-kimi-yhpD1ws2s3…", **KEY, "today": {**KEY["today"], "requests": 0}})},
    ),
    status=201,
    body=as_json(
        closed(record({"name": _NAME, "limits": ref("ClientLimits")}, "name")),
        {"key": example("With two limits", {"name": "bob", "limits": {"requests_per_minute": 60, "concurrent": 2}})},
    ),
)
_CHANGE: Final = asked(
    "Change a client key",
    "What is not there stays as it is, also where others change it at the same time; a limit that is null is taken "
    "away. It takes effect within a second.",
    as_json(ref("ClientKey"), {"key": example("The key", KEY)}),
    "KeyMissing",
    parameters=[_ID],
    body=as_json(
        closed(record({"name": _NAME, "limits": ref("ClientLimitChanges")})),
        {"limits": example("Another limit", {"limits": {"tokens_per_day": 1_000_000, "concurrent": None}})},
    ),
)
_REVOKE: Final = asked(
    "Revoke a client key",
    "It opens nothing from now on, and is listed for 90 days more.",
    as_json(ref("ClientKey"), {"key": example("The key", {**KEY, "revoked": OVERVIEW["now"]})}),
    "KeyMissing",
    parameters=[_ID],
)
_FIGURES: Final = asked(
    "Figures over time",
    "Requests, errors, tokens and times in even steps of UTC.",
    as_json(
        ref("Figures"), {"hour": example("An hour, cut short", {"span": "hour", "step_seconds": 60, "points": [POINT]})}
    ),
    "InvalidValue",
    parameters=[
        parameter(
            "span", "query", {"enum": list(Span)}, "How far back; `hour` unless it is there", "hour", needed=False
        )
    ],
    reads=True,
)
_AUDIT: Final = asked(
    "Who did what",
    "The latest 10,000 changes.",
    as_json(ref("AuditEntries"), {"entries": example("One entry", {"entries": [ENTRY]})}),
    "InvalidValue",
    parameters=[
        parameter("before", "query", TEXT, "The id of an entry: only older ones are told", ENTRY["id"], needed=False),
        parameter("limit", "query", {"type": "integer"}, "1 to 1000; 100 unless it is there", 100, needed=False),
    ],
    reads=True,
)
_ALERTS: Final = asked(
    "What is wrong, and who is told",
    "What is wrong now, and the places to which alerts go.",
    as_json(ref("Alerts"), {"alerts": example("An alert", {"destinations": ["webhook"], "active": [ALERT]})}),
    reads=True,
)
_TRY_ALERTS: Final = asked(
    "Try alerts",
    "Sends a message to every destination, and waits for what comes of it.",
    as_json(
        ref("AlertResults"),
        {
            "results": example(
                "It has arrived", {"results": [{"destination": "webhook", "ok": True, "message": "delivered"}]}
            )
        },
    ),
)
_ASKING: Final = tuple(dict.fromkeys(name for name in (*ASKING, *FORMS, *CONVERSATIONS) if name not in CLIENT_KEY))
_ANSWER: Final = chat.PATHS["/v1/chat/completions"]["post"]["responses"]["200"]
_ASK: Final = operators(
    {
        **chat.PATHS["/v1/chat/completions"]["post"],
        "summary": "Answer a conversation, for operators",
        "description": "As `POST /v1/chat/completions`, without a client key.",
        "requestBody": {
            "required": True,
            "content": as_json(
                ref("ChatRequest"),
                {"hi": example("A question", {"model": "kimi", "messages": [{"role": "user", "content": "你好！"}]})},
            ),
        },
        "responses": {
            **good(_ANSWER["description"], _ANSWER["content"]),  # no key of a client's, so no headers of its limits
            **errors(*dict.fromkeys((*_ASKING, *ADMIN, "CsrfFailed"))),
        },
    }
)
_MODELS: Final = asked(
    "List the models, for operators",
    "As `GET /v1/models`, without a client key.",
    MODELS["/v1/models"]["get"]["responses"]["200"]["content"],
    reads=True,
)
PATHS: Final[Json] = {
    "/admin": {"get": _PAGE},
    "/admin/api/session": {
        "get": {**_SIGNED_IN, "security": SESSION_ONLY},
        "post": {**_SIGN_IN, "security": []},
        "delete": _SIGN_OUT,
    },
    "/admin/api/overview": {
        "get": asked(
            "The whole at a glance",
            "Without Redis it says so, and nothing else is known.",
            as_json(ref("Overview"), {"overview": example("A pool of four", OVERVIEW)}),
            reads=True,
        )
    },
    **accounts.PATHS,
    "/admin/api/events": {"get": _STREAM},
    "/admin/api/keys": {
        "get": asked(
            "List client keys",
            "Those of `GATEWAY_API_KEYS` first, which cannot be changed here, and then those that were created.",
            as_json(ref("ClientKeys"), {"keys": example("A key", {"keys": [KEY]})}),
            reads=True,
        ),
        "post": _CREATE,
    },
    "/admin/api/keys/{id}": {"patch": _CHANGE, "delete": _REVOKE},
    "/admin/api/figures": {"get": _FIGURES},
    "/admin/api/audit": {"get": _AUDIT},
    "/admin/api/alerts": {"get": _ALERTS},
    "/admin/api/alerts/test": {"post": _TRY_ALERTS},
    "/admin/api/chat/completions": {"post": _ASK},
    "/admin/api/models": {"get": _MODELS},
}
