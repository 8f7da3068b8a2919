"""What operators see, in OpenAPI's words."""

from __future__ import annotations

from typing import Any, Final

from gateway.openapi_admin_words import at, closed, never, perhaps
from gateway.openapi_words import COUNT, TEXT, Json, listed, record, ref, said, text
from kimi import account_entries as entries
from kimi.accounts import Kind, Origin, Region, State
from kimi.alerts.notes import Rule
from kimi.operating.intake import Code
from kimi.pool.client_terms import LARGEST, LONGEST_MODEL, MOST_MODELS
from kimi.pool.figures import Span

_FLAG: Final[Json] = {"type": "boolean"}
_NUMBER: Final[Json] = {"type": "number"}
_TODAY: Final = {"today": said(ref("Tally"), "Since midnight UTC")}


def _all(properties: dict[str, Any], says: str = "") -> Json:
    """An object that has all its fields."""
    return record(properties, *properties, says=says)


def _from(least: int, most: int) -> Json:
    """Whole numbers within bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}


_CLIENT_COUNTS: Final = {
    "requests_per_minute": "Requests a minute",
    "tokens_per_day": "Tokens, read and written, from midnight to midnight UTC",
    "concurrent": "Requests at the same time",
}
LIMITS: Final[Json] = {
    "max_concurrency": said(_from(1, entries.MOST_CONCURRENCY), "Requests at the same time"),
    "requests_per_minute": never(_from(0, entries.MOST_RATE), "Requests a minute; null, and 0 as well: no limit"),
    "weight": said(
        {**_NUMBER, "minimum": entries.LEAST_WEIGHT, "maximum": entries.MOST_WEIGHT},
        "Share of the traffic among accounts that are free",
    ),
    "priority": said(
        _from(-entries.MOST_PRIORITY, entries.MOST_PRIORITY), "Lower ones serve only when all higher ones cannot"
    ),
}
_CLIENT_LIMITS: Final[Json] = {
    **{name: never(_from(1, LARGEST[name]), says) for name, says in _CLIENT_COUNTS.items()},
    "models": {
        "type": ["array", "null"],
        "items": TEXT,
        "minItems": 1,
        "maxItems": MOST_MODELS,
        "description": "Models it may ask for, as clients write them; a `*` at the end stands for any rest",
    },
}
_WANTED_CLIENT_LIMITS: Final[Json] = {
    **_CLIENT_LIMITS,
    "models": {
        **_CLIENT_LIMITS["models"],
        "items": {**TEXT, "minLength": 1, "maxLength": LONGEST_MODEL, "pattern": r"^[^\s,*]*\*?$"},
    },
}
_ACCOUNT: Final = _all(
    {
        "name": text("Unique"),
        "kind": {"enum": [kind.value for kind in Kind]},
        "region": {"enum": [region.value for region in Region]},
        "origin": {
            "enum": [origin.value for origin in Origin],
            "description": "Where it comes from: the accounts file (or `KIMI_REFRESH_TOKENS`), this API or the command "
            "line, a client who brought its token along",
        },
        "state": {"enum": ["refreshing", "removed", *(state.value for state in State)]},
        "reason": text("Why it is in that state"),
        "token_issued": perhaps("When its access token was fetched"),
        "token_expires": perhaps("When its access token expires"),
        "refresh_due": perhaps("When it is refreshed next"),
        "refresh_failures": said(COUNT, "Failed refreshes in a row"),
        "in_flight": said(COUNT, "Requests that it answers now"),
        "max_concurrency": said(COUNT, "How many it may answer at the same time"),
        "requests_per_minute": never(COUNT, "How many it may answer in a minute"),
        "weight": LIMITS["weight"],
        "priority": LIMITS["priority"],
        "cooling_until": perhaps("Until when it rests"),
        "cooling_reason": text("Why it rests"),
        "models": listed(TEXT, "What it can be asked for, as far as that is known"),
        "has_proxy": said(_FLAG, "Whether a proxy of its own is used for it"),
        "base_url": never(TEXT, "Its own host, in place of the kind's"),
        "edited": said(_FLAG, "Whether its limits were changed here, and are not those of the accounts file"),
        **_TODAY,
        "last_used": perhaps("When it was asked last"),
    }
)
_OVERVIEW: Final = _all(
    {
        "version": text("Of the gateway"),
        "now": at("When this was so"),
        "started": perhaps("When the worker that answers was started"),
        "redis": _all(
            {
                "up": said(_FLAG, "Whether Redis answers; if not, nothing but this is known"),
                "server": text("Which it is: Redis or Valkey; empty where it may not be asked (INFO)"),
                "version": text("Of the server"),
                "used_memory_bytes": never(COUNT, "null where it may not be asked (INFO)"),
                "persistent": never(_FLAG, "Whether it writes what it is told to its disk; null: not known"),
            }
        ),
        "refreshers": listed(_all({"name": TEXT, "seen_seconds": said(_NUMBER, "Since it was heard of last")})),
        "pool": _all(
            {
                "usable": said(COUNT, "Accounts that can answer now"),
                "total": said(COUNT, "Accounts of the operator"),
                "states": {"type": "object", "additionalProperties": COUNT, "description": "How many are in each"},
                "in_flight": said(COUNT, "Requests that they answer now"),
                "limit": said(COUNT, "How many those in service may answer at the same time"),
                "next_expiry": perhaps("When the next access token expires"),
            }
        ),
        "queue": _all({"waiting": said(COUNT, "Requests that wait for an account")}),
        **_TODAY,
        "alerts": listed(ref("Alert"), "What is wrong now"),
    }
)
_KEY: Final = _all(
    {
        "id": text("By which it is edited and revoked"),
        "name": text("What the log calls its client"),
        "prefix": text("How the key begins"),
        "created": perhaps("When it was created; null for one of `GATEWAY_API_KEYS`"),
        "revoked": perhaps("When it was revoked"),
        "origin": {"enum": ["operator", "settings"], "description": "This API or the command line; `GATEWAY_API_KEYS`"},
        "limits": _all(_CLIENT_LIMITS, "null is no limit"),
        **_TODAY,
        "last_used": perhaps("When it was used last"),
    }
)
_QUANTILES: Final[Json] = {
    "anyOf": [_all({"p50": _NUMBER, "p95": _NUMBER}), {"type": "null"}],
    "description": "What half of all, and 95 of 100, did not exceed, in seconds; null where there is nothing",
}
SCHEMAS: Final[Json] = {
    "Tally": _all({"requests": COUNT, "errors": COUNT, "prompt_tokens": COUNT, "completion_tokens": COUNT}),
    "Alert": _all(
        {
            "rule": {"enum": [rule.value for rule in Rule]},
            "subject": text("The accounts that it is about"),
            "since": at("Since when"),
            "message": text("What is wrong, in a sentence"),
        }
    ),
    "Session": _all({"csrf": text("To be sent as `x-csrf-token`"), "expires": at("Until when")}),
    "Overview": _OVERVIEW,
    "Account": _ACCOUNT,
    "Accounts": _all({"now": at("When they were so"), "accounts": listed(ref("Account"))}),
    "AccountChanges": _all(
        {"now": at("When they were so"), "accounts": listed(ref("Account")), "removed": listed(TEXT, "Names")}
    ),
    "AccountsAdded": _all(
        {
            "results": listed(
                _all(
                    {
                        "place": text("Where it stands in the text"),
                        "outcome": {"enum": ["added", "known", "refused"]},
                        "name": TEXT,
                        "kind": never(TEXT, "Its kind, where that is known"),
                        "expires": perhaps("When its credential expires, where it says so"),
                        "message": text("What became of it, in a sentence"),
                        "code": {"enum": [code.value for code in Code], "description": "The same, for programs"},
                        "line": never(COUNT, "The number of its line, where it has one of its own"),
                        "twin": never(TEXT, "The account of the same login, where `code` is about that"),
                    }
                )
            ),
            "added": COUNT,
            "refused": COUNT,
        }
    ),
    "AccountResults": _all(
        {
            "results": listed(
                record(
                    {
                        "name": TEXT,
                        "ok": _FLAG,
                        "message": text("What came of it, in a sentence"),
                        "seconds": said(_NUMBER, "How long it took, of tests and refreshes"),
                    },
                    *("name", "ok", "message"),
                )
            )
        }
    ),
    "ClientLimits": closed(record(_WANTED_CLIENT_LIMITS, says="What is not there, or null, is no limit")),
    "ClientLimitChanges": closed(
        record(_WANTED_CLIENT_LIMITS, says="What is not there stays as it is; null is no limit from now on")
    ),
    "ClientKey": _KEY,
    "ClientKeys": _all({"keys": listed(ref("ClientKey"))}),
    "NewClientKey": {"allOf": [ref("ClientKey"), record({"key": text("Shown this once")}, "key")]},
    "Figures": _all(
        {
            "span": {"enum": [span.value for span in Span]},
            "step_seconds": said(COUNT, "What a point stands for"),
            "points": listed(
                _all(
                    {
                        "at": at("When the step begins"),
                        "requests": COUNT,
                        "errors": COUNT,
                        "prompt_tokens": COUNT,
                        "completion_tokens": COUNT,
                        "first_event_seconds": _QUANTILES,
                        "total_seconds": _QUANTILES,
                    }
                ),
                "The latest last; where there was nothing they are zeros",
            ),
        }
    ),
    "AuditEntries": _all(
        {
            "entries": listed(
                _all(
                    {
                        "id": TEXT,
                        "at": at("When it was done"),
                        "who": {"enum": ["admin page", "admin api", "command line"]},
                        "address": text("Where he sat"),
                        "action": TEXT,
                        "subject": text("What it was done to"),
                        "detail": TEXT,
                    }
                ),
                "The latest first",
            )
        }
    ),
    "Alerts": _all({"destinations": listed(TEXT, "Where alerts go"), "active": listed(ref("Alert"))}),
    "AlertResults": _all({"results": listed(_all({"destination": TEXT, "ok": _FLAG, "message": TEXT}))}),
}
