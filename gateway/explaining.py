"""The one place where an error becomes what a client reads: its row in the table, and what it says beyond that."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from gateway.errors import BadRequest, TokenRefused
from gateway.harmless import is_harmless
from gateway.problem import INTERNAL, Problem
from gateway.problems import TABLE
from kimi import errors as kimi
from kimi.models import FeatureUnserved
from kimi.pool.client_limits import Limit, LimitReached
from kimi.redaction import redact

_NAME = re.compile(r"[\w.:/@-]{1,64}", re.ASCII)
_RETRY_SECONDS = 5.0  # where nobody knows better
_LIMITS = {
    Limit.REQUESTS: "requests a minute",
    Limit.TOKENS: "tokens a day",
    Limit.CONCURRENT: "requests at the same time",
}


def describe(error: BaseException, request_id: str) -> Problem:
    """What the client is told about `error`. Whatever nobody thought of is a 500 that names the request only."""
    if isinstance(error, LimitReached):
        return _about_limit(error, TABLE[LimitReached])
    known = next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), None)
    if known is not None:
        return _told(error, known)
    if isinstance(error, HTTPException) and error.code is not None and 400 <= error.code < 500:
        return replace(TABLE[BadRequest], status=error.code, code="invalid_request")
    return replace(INTERNAL, message=f"{INTERNAL.message} Its log has more under request id {request_id}.")


def _told(error: BaseException, known: Problem) -> Problem:
    """What is `known` of errors like this one, and what this one says beyond that."""
    if isinstance(error, BadRequest | TokenRefused):
        return replace(known, message=str(error), code=error.code, param=error.param)
    if isinstance(error, kimi.PromptTooLong):
        excess = f"{error.size} {error.unit} > {error.limit} maximum" if error.limit else ""
        return replace(known, message=_figures(error) if excess else known.message, excess=excess)
    if isinstance(error, LookupError):
        return replace(known, message=_about_model(error, known))
    if isinstance(error, kimi.RequestInvalid):
        text = _about_file(error) if isinstance(error, kimi.FileRefused) else f"{known.message}{_explained(error)}"
        return replace(known, message=text, param=error.param)
    if isinstance(error, kimi.AnswerUnfit):
        return replace(known, message=f"{known.message} {_printable(error.explained)}".rstrip())
    if isinstance(error, MethodNotAllowed):
        return replace(known, headers=(("allow", ", ".join(sorted(error.valid_methods or ()))),))
    seconds = getattr(error, "retry_after", None)
    # A client takes a 502 for something to try again at once, unless it is told when.
    if known.status in (429, 503) or (known.status == 502 and seconds is not None):
        return replace(known, headers=_retry_headers(seconds))
    return known


def _about_file(error: kimi.FileRefused) -> str:
    """What is wrong with a file, which is named unless that could harm a channel."""
    return str(error if is_harmless(str(error)) else kimi.FileRefused(error.reason))


def _explained(error: kimi.RequestInvalid) -> str:
    """What the upstream says is wrong with the request, unless it could harm a channel."""
    says = _printable(error.explained)
    return f" It says: {says}" if says else ""


def _printable(text: str) -> str:
    """What can be shown of a text that is not ours; nothing where it could harm a channel."""
    says = "".join(character for character in text if character.isprintable())
    return says if is_harmless(says) else ""


def _about_limit(error: LimitReached, known: Problem) -> Problem:
    """Which limit of the key it is, and when there is more. Of a day's nobody has to try again by himself."""
    text = f"This key has reached its limit of {_LIMITS[error.limit]}, which is {error.most}."
    headers = _retry_headers(error.retry_after)
    if error.limit is not Limit.TOKENS:
        return replace(known, message=f"{text} Try again after the time in Retry-After.", headers=headers)
    hours, minutes = divmod(math.ceil(error.retry_after / 60), 60)
    text = f"{text} They are counted anew from 00:00 UTC, in {hours} h {minutes} min."
    return replace(known, message=text, headers=(*headers, ("x-should-retry", "false")))


def _about_model(error: LookupError, known: Problem) -> str:
    if isinstance(error, FeatureUnserved):
        return str(error)
    return known.message.replace("The model", f"The model{_shown(error)}", 1)


def _figures(error: kimi.PromptTooLong) -> str:
    """What some clients look for: these are OpenAI's words."""
    size = f"about {error.size}" if error.unit == "tokens" else str(error.size)
    return (
        f"This model's maximum context length is {error.limit} {error.unit}. "
        f"However, your messages resulted in {size} {error.unit}. Send less."
    )


def _shown(error: LookupError) -> str:
    """The name that was asked for, unless it could be a secret or harm a channel."""
    name = str(error)
    harmless = _NAME.fullmatch(name) and redact(name) == name
    return f" `{name}`" if harmless and is_harmless(name) else ""


def _retry_headers(seconds: float | None) -> tuple[tuple[str, str], ...]:
    """When to come back: whole seconds for everyone, milliseconds for OpenAI's own clients."""
    wait = min(max(_RETRY_SECONDS if seconds is None else seconds, 0.1), 60.0)
    return ("retry-after", str(math.ceil(wait))), ("retry-after-ms", str(math.ceil(wait * 1000)))
