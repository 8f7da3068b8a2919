"""How upstreams word their errors: bodies of any dialect in, one plain complaint out.

The shapes are `{error_type, message}` (classic), `{code, message, details[{debug{reason, localizedMessage}}]}`
(Connect, also below `error`), `{reason, localizedMessage, severity}` (a withdrawn block) and
`{error{type, message}}` (official platform).
"""

from __future__ import annotations

import email.utils
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from kimi.accounts import Kind
from kimi.errors import BrokenAnswer
from kimi.http import HOSTS, Answer, media_type

_WEB = ("error_type", "reason", "code", "severity")
_REASONS = {Kind.KIMI: _WEB, Kind.CLASSIC: _WEB, Kind.MOONSHOT: ("type", "code")}
_MOST_PARTS = 500  # of a whole message
_MOST_DETAILS = 16
_MOST_REASONS = 16
_SHORTEST_SECRET = 8  # characters: what is shorter is a word
_LONGEST_REASON = 200  # characters, as in the next
_LONGEST_MESSAGE = 4_000
_RUN = re.compile(r"[\w+/=.%-]{32,}", re.ASCII)  # as long as pieces of tokens are, in base64 too
_SECONDS = re.compile(r"\d{1,7}(?:\.\d{1,6})?")
_MEDIA_TYPE = re.compile(r"(?:text|application)/[a-z.+-]{1,40}")  # pieces of tokens have digits
_ORGANISATION = re.compile(r"\borg-[\w-]{6,}", re.ASCII)
_AGAIN_AFTER = re.compile(r"after (\d{1,7}(?:\.\d{1,6})?) ?s(?:ec(?:ond)?s?)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as an upstream words it: its status, everything in it that is made for machines, its text.

    `organisation` is known where a key of the official platform is told whose limit it has met: a hash of its id.
    `body` is the whole of it, for its shape.
    """

    kind: Kind
    status: int
    reasons: tuple[str, ...] = ()
    message: str = ""
    retry_after: float | None = field(default=None, kw_only=True)
    organisation: str = field(default="", kw_only=True)
    body: Any = field(default=None, kw_only=True, repr=False, compare=False)


def of_answer(kind: Kind, answer: Answer) -> Complaint:
    """What `answer` complains about; the media type stands for the reason of a body that is no JSON."""
    if 300 <= answer.status < 400:
        host = _host(answer.headers.get("location", ""))
        where = f"to {host}" if host in HOSTS else "elsewhere"
        return Complaint(kind, answer.status, (), f"redirected {where}, which is not followed with a token")
    try:
        body = answer.json()
    except BrokenAnswer:
        media = media_type(answer.headers)
        reasons = (media,) if answer.body and _MEDIA_TYPE.fullmatch(media) else ()
        return Complaint(kind, answer.status, reasons, retry_after=_retry_after(answer.headers))
    complaint = of_object(kind, body, answer.status, secret=answer.secret)
    if complaint is None:
        return Complaint(kind, answer.status, retry_after=_retry_after(answer.headers))
    return replace(complaint, retry_after=_first(_retry_after(answer.headers), complaint.retry_after))


def of_object(kind: Kind, body: Any, status: int = 200, *, secret: str = "") -> Complaint | None:
    """What an error object says, wrapped in `error` or not; `None` when it is none.

    `secret` is the token that was asked with, which no words of a complaint repeat.
    """
    if not isinstance(body, Mapping):
        return None
    error = body.get("error")
    if not isinstance(error, Mapping):
        error = body
    reasons: list[str] = []
    messages: list[str] = []
    for part in _parts(error):
        words = (_without(word, secret)[:_LONGEST_MESSAGE] for word in _words(kind, part))
        reasons += [harmless(word)[:_LONGEST_REASON] for word in words]
        texts = (value for value in _messages(part) if isinstance(value, str) and value)
        messages += [_without(text, secret)[:_LONGEST_MESSAGE] for text in texts]
    if not reasons and not messages:
        return None
    message = "; ".join(dict.fromkeys(messages))[:_LONGEST_MESSAGE]
    again = _AGAIN_AFTER.search(message)
    return Complaint(
        kind,
        status,
        tuple(dict.fromkeys(reasons))[:_MOST_REASONS],
        harmless(message),
        retry_after=float(again[1]) if again else None,
        organisation=_organisation(message),
        body=body,
    )


def inside(message: object, depth: int = 5) -> Mapping[str, Any] | None:
    """The error object that stands somewhere in a message of a form that is not known; `None` where there is none.

    What stands nearer to the top is looked at first, and no more than a few hundred parts in all.
    """
    left = _MOST_PARTS
    level: list[Any] = [message]
    for _ in range(depth):
        below: list[Any] = []
        for node in level:
            if not isinstance(node, Mapping | list):
                continue
            parts = node.items() if isinstance(node, Mapping) else (("", part) for part in node)
            for name, part in islice(parts, left):
                left -= 1
                if name in {"error", "exception"} and isinstance(part, Mapping) and part:
                    return part
                if name == "error_type" and part and isinstance(part, str) and isinstance(node, Mapping):
                    return node
                below.append(part)
        level = below
    return None


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "[redacted]") if len(secret) >= _SHORTEST_SECRET else text


def harmless(text: str) -> str:
    """`text` without what may be a piece of the token that was sent, however it is written. Words have no digits."""
    return _RUN.sub(lambda run: "[redacted]" if any(map(str.isdigit, run[0])) else run[0], text)


def _host(url: str) -> str:
    """The host of a URL that anybody may have written; empty where it has none that can be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _organisation(message: str) -> str:
    found = _ORGANISATION.search(message)
    return hashlib.sha256(found[0].encode()).hexdigest()[:16] if found else ""


def _parts(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield error
    details = error.get("details")
    for detail in details[:_MOST_DETAILS] if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(debug := detail.get("debug"), Mapping):
            yield debug


def _words(kind: Kind, part: Mapping[str, Any]) -> Iterator[str]:
    """What is made for machines. A severity is none of a credential, whatever it says."""
    for name in _REASONS[kind]:
        value = part.get(name)
        if isinstance(value, str) and value and (name != "severity" or value.startswith("SEVERITY_")):
            yield value


def _messages(part: Mapping[str, Any]) -> Iterator[object]:
    yield part.get("message")
    localized = part.get("localizedMessage")
    if isinstance(localized, Mapping):
        yield localized.get("message")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After`, which may be a date; then the answer's own `Date` is the clock that counts."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    then, now = _date(value), _date(headers.get("date", ""))
    return max(0.0, then - now) if then is not None and now is not None else None


def _date(value: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
