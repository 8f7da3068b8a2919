"""The faults that there are: what each takes, and where it can strike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.kinds import Kind

ENDPOINTS = frozenset(
    {
        "exchange",
        "chat",
        "create",
        "delete",
        "models",
        "user",
        "list",
        "cancel",
        "files",
        "bytes",
        "research",
        "balance",
        "tokens",
        "other",
    }
)
CHAT = frozenset({"chat"})
EXCHANGE = frozenset({"exchange"})
CONNECT = frozenset({Kind.KIMI})
WEB = frozenset({Kind.KIMI, Kind.CLASSIC})
LIMITED = frozenset({Kind.CLASSIC, Kind.MOONSHOT})
PLATFORM = frozenset({Kind.MOONSHOT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault: what it is, its arguments with their defaults, and the endpoints and dialects that it exists in."""

    about: str
    args: Mapping[str, Any] = field(default_factory=dict)
    endpoints: frozenset[str] = ENDPOINTS
    kinds: frozenset[Kind] = frozenset(Kind)


_TEXTS = 3  # text events that come before something happens in the middle

CATALOGUE: Mapping[str, Entry] = {
    # Any call
    "http": Entry(
        "this status (503) and body, or an error of the table (reason), instead of an answer",
        {"status": None, "body": None, "content_type": None, "headers": None, "reason": None},
    ),
    "reset": Entry("the request is read, then the connection is reset"),
    "close": Entry("the request is read, then the connection is closed without an answer"),
    "refused": Entry("the connection is reset before the request is read; one from a pool, when it is read"),
    "hangup": Entry("the answer is whole, then the connection is closed unannounced", {}, ENDPOINTS - CHAT),
    "slow": Entry("this many seconds pass before anything is done", {"seconds": 1.0}),
    "hang": Entry(
        "silence until the client leaves; on chats after so many text events (null: before the headers)",
        {"texts": None},
    ),
    "lost_reply": Entry(
        "the call is carried out, but its answer is lost; how: cut (half a body) | close | reset | hang | 502",
        {"how": "close"},
        ENDPOINTS - CHAT,
    ),
    "wrong_type": Entry("200 with an HTML page", {}),
    "empty_body": Entry("200 with the right type and no body", {}),
    "broken_body": Entry("200 with JSON that stops half-way", {}),
    "banned": Entry("as if the account were closed by the vendor", {}),
    "abnormal": Entry("auth.account_abnormal", {}, ENDPOINTS, WEB),
    # Exchange
    "no_tokens": Entry(
        "200 with an error body, or {} (empty=true), in place of tokens", {"empty": False}, EXCHANGE, WEB
    ),
    "shape": Entry("the answer's shape: camel | snake | wrapped", {"shape": "snake"}, EXCHANGE, CONNECT),
    "short_life": Entry("an access token of so many seconds; below zero: expired", {"seconds": 5}, EXCHANGE),
    "no_device_id": Entry("tokens without the device_id claim", {}, EXCHANGE),
    "not_rotated": Entry("the refresh token comes back unchanged and stays good", {}, EXCHANGE),
    # Chat
    "error": Entry(
        "an error of the table; where: http | json (200 with application/json) | first (in the stream, before all) | "
        "middle (after so many text events) | trailer (connect: nothing else) | end (after all text) | null: usual",
        {"reason": "overloaded", "where": None, "texts": _TEXTS, "silent": None},
    ),
    "retract": Entry("the answer is withdrawn after so many texts", {"reason": "moderation", "texts": _TEXTS}, CHAT),
    "degrade": Entry("a notification says that a smaller model answers", {}, CHAT, CONNECT),
    "empty": Entry("a complete answer without any text", {}, CHAT),
    "truncate": Entry(
        "the stream ends at: start | middle | character | frame | end; how: cut | fin | reset",
        {"at": "middle", "how": "cut", "texts": _TEXTS},
        CHAT,
    ),
    "no_end": Entry("all text comes, then a clean end of the body without all_done, trailer or [DONE]", {}, CHAT),
    "stall": Entry("so many seconds of silence after so many text events", {"seconds": 1.0, "texts": _TEXTS}, CHAT),
    "heartbeats": Entry("after so many text events only heartbeats, for ever", {"texts": 0, "every": 0.1}, CHAT),
    "garbage": Entry("random bytes after so many text events", {"texts": _TEXTS, "bytes": 64}, CHAT),
    "bad_json": Entry("a message that is no JSON after so many text events", {"texts": _TEXTS}, CHAT),
    "bad_utf8": Entry("a message with broken UTF-8 after so many text events", {"texts": _TEXTS}, CHAT),
    "unknown": Entry("messages of kinds, masks and fields that nobody knows", {"texts": _TEXTS}, CHAT),
    "oversize": Entry("a line or frame of this many bytes", {"texts": _TEXTS, "bytes": 9 * 1024 * 1024}, CHAT),
    "compressed": Entry("a frame with the compressed flag 0x01", {"texts": _TEXTS}, CHAT, CONNECT),
    "bad_flags": Entry("a frame with flags that do not exist", {"texts": _TEXTS, "flags": 0x40}, CHAT, CONNECT),
    "length": Entry("the output limit is reached after so many text events", {"texts": _TEXTS}, CHAT, LIMITED),
    "finish": Entry("another finish_reason", {"reason": "engine_overloaded", "texts": _TEXTS}, CHAT, PLATFORM),
    "content_filter": Entry(
        "refused by the filter, as the dialect does it: a sentence, a retraction, an HTTP 400", {"texts": 0}, CHAT
    ),
    "gzip": Entry("no fault: the body is compressed on its way, as proxies do", {}, CHAT),
    "answer": Entry("no fault: another script for this answer (text, thinking, title, events, delay, …)", {}, CHAT),
}


def complete(what: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`args` with the defaults of that fault. Raises ValueError for a name or an argument that does not exist."""
    entry = CATALOGUE.get(what)
    if entry is None:
        raise ValueError(f"unknown fault {what!r}; known: {', '.join(sorted(CATALOGUE))}")
    strange = set(args) - set(entry.args)
    if strange and what != "answer":
        known = ", ".join(sorted(entry.args)) or "none"
        raise ValueError(f"fault {what!r} takes no {', '.join(sorted(strange))}; it takes: {known}")
    return {**entry.args, **args}
