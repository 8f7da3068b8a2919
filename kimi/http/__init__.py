"""Talking HTTP: where each account's upstream is, and the one way to reach it.

No cookie is kept, no redirect is followed, nothing is retried, and neither proxies nor certificates nor passwords are
taken from the environment: what goes out is what the caller says, once, to where the caller says.

`Http` is what a caller needs; `Transport` and `gateway.http1.Client` are what does it.
"""

from kimi.http.calls import MAX_BODY_BYTES, Answer, check_parts, media_type, parse, read, request
from kimi.http.certificates import default_context
from kimi.http.contract import CONNECT_SECONDS, END_SECONDS, HEADERS, PULSE_SECONDS, Content, Http, Pieces, Reply
from kimi.http.endpoints import HOSTS, Endpoints
from kimi.http.transport import Transport

__all__ = [
    "CONNECT_SECONDS",
    "END_SECONDS",
    "HEADERS",
    "HOSTS",
    "MAX_BODY_BYTES",
    "PULSE_SECONDS",
    "Answer",
    "Content",
    "Endpoints",
    "Http",
    "Pieces",
    "Reply",
    "Transport",
    "check_parts",
    "default_context",
    "media_type",
    "parse",
    "read",
    "request",
]
