"""Accounts for operators, in OpenAPI's words."""

from __future__ import annotations

from typing import Final

from gateway.openapi_admin_samples import ACCOUNT, DEAD, results
from gateway.openapi_admin_schemas import LIMITS
from gateway.openapi_admin_words import asked, closed, parameter
from gateway.openapi_words import TEXT, Json, as_json, as_text, example, listed, record, ref, text
from kimi.accounts import Kind

_NAMES: Final = {**listed(TEXT, "Names of accounts"), "minItems": 1, "maxItems": 100}
_LIMITS: Final = {**closed(record(LIMITS, says="At least one of them")), "minProperties": 1}
_RESULTS: Final = ref("AccountResults")
_ADDED: Final = {
    "place": "the text:1",
    "outcome": "added",
    "name": "kimi-cnd123",
    "kind": "kimi",
    "expires": 1_798_000_000,
    "message": "kind kimi, expires 2026-12-23 (in 23 d)",
    "code": "added",
    "line": 1,
    "twin": None,
}


def _action(summary: str, description: str, message: str, **more: float) -> Json:
    return {
        "post": asked(
            summary,
            f"{description} Each account is dealt with for itself, and one that is not there is a result like others.",
            as_json(_RESULTS, {"results": example("One was there, the other not", results(message, **more))}),
            body=as_json(
                closed(record({"names": _NAMES}, "names")),
                {"names": example("Two accounts", {"names": ["alice", "nobody"]})},
            ),
        )
    }


_LIST: Final = asked(
    "List all accounts",
    "All of them at once, by name. `GET /admin/api/events` tells what changes from then on.",
    as_json(
        ref("Accounts"), {"accounts": example("Two accounts", {"now": 1_796_000_000, "accounts": [ACCOUNT, DEAD]})}
    ),
    reads=True,
)
_ADD: Final = asked(
    "Add accounts",
    "Takes the text in any form that an accounts file may have: tokens one a line, JSON, a dump of the site's local "
    "storage, YAML. They stand in no file, but are kept like all others. A new token of a login whose account was "
    "added before and is dead or banned takes the place of the old one, and so does an entry with the name of such an "
    "account; all else of it stays.",
    as_json(
        ref("AccountsAdded"),
        {"added": example("One was added", {"results": [_ADDED], "added": 1, "refused": 0})},
    ),
    body=as_json(
        closed(
            record(
                {
                    "text": text("The accounts"),
                    "kind": {
                        "enum": [kind.value for kind in Kind],
                        "description": "The kind of those which are written without one; `kimi` unless it is there",
                    },
                },
                "text",
            )
        ),
        {"token": example("A refresh token", {"text": "eyJhbGciOi…", "kind": "kimi"})},
    ),
)
_EDIT: Final = asked(
    "Change limits",
    "What is not there stays as it is; null is no limit, and only for `requests_per_minute`. The limits of accounts of "
    "the accounts file come back when their entries there change.",
    as_json(_RESULTS, {"results": example("One was there, the other not", results("changed"))}),
    body=as_json(
        closed(record({"names": _NAMES, "limits": _LIMITS}, *("names", "limits"))),
        {"limits": example("More requests", {"names": ["alice", "nobody"], "limits": {"max_concurrency": 2}})},
    ),
)
_ONE: Final = asked(
    "Look at one account",
    "By its name, which may hold any character and so stands in the query.",
    as_json(ref("Account"), {"account": example("The account", ACCOUNT)}),
    *("AccountMissing", "InvalidValue"),
    parameters=[parameter("name", "query", TEXT, "The name", "alice", needed=True)],
    reads=True,
)
_EXPORT: Final = asked(
    "Export accounts",
    "An accounts file with the newest credentials: keep it as you would keep the tokens. What clients brought along "
    "is left out.",
    as_text(
        "application/yaml",
        "accounts:\n  - name: alice\n    kind: kimi\n    refresh_token: eyJhbGciOi…\n",
        {"description": "What `KIMI_ACCOUNTS_FILE` takes"},
    ),
    body=as_json(
        closed(record({"names": listed(TEXT, "Names of accounts; all of them where it is not there")})),
        {"all": example("All accounts", {}), "some": example("One account", {"names": ["alice"]})},
    ),
)
PATHS: Final[Json] = {
    "/admin/api/accounts": {"get": _LIST, "post": _ADD, "patch": _EDIT},
    "/admin/api/accounts/one": {"get": _ONE},
    "/admin/api/accounts/test": _action(
        "Try accounts",
        "Asks each a tiny question. It takes one of the account's places until it is answered, and one of its requests "
        "of that minute; no figure counts it, and `last_used` stays as it is.",
        "answered: 2",
        seconds=1.25,
    ),
    "/admin/api/accounts/refresh": _action(
        "Refresh tokens",
        "Has each token exchanged now, or each key tried, and waits up to 30 s for what comes of it; not at all where "
        "no refresher is at work.",
        "has a new token, for 15 min",
        seconds=0.6,
    ),
    "/admin/api/accounts/pause": _action("Pause accounts", "Sets them aside; running answers run on.", "paused"),
    "/admin/api/accounts/resume": _action("Resume accounts", "Those that were paused serve again.", "resumed"),
    "/admin/api/accounts/clear": _action(
        "Clear accounts",
        "Forgets rests, failures and refused models; a dead or banned one is tried anew.",
        "cleared",
    ),
    "/admin/api/accounts/delete": _action(
        "Delete accounts", "Takes out those that stand in no accounts file.", "deleted"
    ),
    "/admin/api/accounts/export": {"post": _EXPORT},
}
