"""The answer to an exchange, looked at before it takes the place of a token that may be the only good one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kimi import claims
from kimi.accounts import Kind, Tokens
from kimi.errors import BrokenAnswer
from kimi.upstreams import complaints
from kimi.upstreams.faults import match

_TOKEN = re.compile(r"[!-)+-~]{1,16384}")  # what can follow "Bearer "; stars mask one
_WHOLE = re.compile(r"eyJ[^.]*(?:(?:\.[^.]+){2}|\.[^.]*(?:\.[^.]+){3})")  # signed, or encrypted


def pair(kind: Kind, body: Any, spent: str) -> Tokens | None:
    """The tokens of an answer in any of its shapes, which come after `spent`; `None` where there are none in it.

    The access token is empty where there is none that could be used, and the refresh token surely is one: that is the
    one that must not be lost, as the one before it is spent. Raises `BrokenAnswer` for all that must not be stored:
    tokens that were cut, masked or swapped, of somebody else, or beside an error.
    """
    layers = _layers(body)
    access, refresh = _one(layers, "accessToken", "access_token"), _one(layers, "refreshToken", "refresh_token")
    if not access and not refresh:
        return None
    if any(map(_is_error, layers)) or _complains(kind, body):
        raise _refused("tokens beside an error")
    _check(refresh)
    if _differ(spent, refresh):
        raise _refused("tokens of somebody else")
    if _is_access(access) and access != refresh and not _differ(access, spent) and not _differ(access, refresh):
        return Tokens(access, refresh)
    if claims.read(refresh).typ != "refresh" or refresh == spent:
        raise _refused("no access token")
    return Tokens("", refresh)


def _layers(body: Any) -> list[Mapping[str, Any]]:
    """What the body wraps, and the body."""
    inner = body.get("data") if isinstance(body, Mapping) else None
    return [layer for layer in (inner, body) if isinstance(layer, Mapping)]


def _one(layers: list[Mapping[str, Any]], *names: str) -> str:
    """What stands under one of these names, as deep inside as may be."""
    found = next((value for layer in layers for name in names if (value := layer.get(name))), "")
    return found if isinstance(found, str) else ""


def _is_error(layer: Mapping[str, Any]) -> bool:
    return bool(layer.get("error") or layer.get("error_type"))


def _complains(kind: Kind, body: Any) -> bool:
    """Whether there is an error in it that we know: any word at all may stand beside good tokens."""
    complaint = complaints.of_object(kind, body)
    return complaint is not None and match(complaint) is not None


def _check(refresh: str) -> None:
    """Raises `BrokenAnswer` for what cannot be a refresh token."""
    if not _is_token(refresh):
        raise _refused("no refresh token")
    if claims.read(refresh).typ == "access":
        raise _refused("an access token for the refresh token")


def _is_access(token: str) -> bool:
    return _is_token(token) and claims.read(token).typ != "refresh"


def _is_token(text: str) -> bool:
    """Whether it can be sent, and no part of it is missing, as far as that can be seen."""
    return _TOKEN.fullmatch(text) is not None and (not text.startswith("eyJ") or _WHOLE.fullmatch(text) is not None)


def _differ(one: str, other: str) -> bool:
    """Whether these are surely tokens of two users. Another issuer may name the same one otherwise."""
    users = {user for token in (one, other) if (user := claims.read(token).sub)}
    return len(users) > 1 and claims.issuer(one) == claims.issuer(other)


def _refused(why: str) -> BrokenAnswer:
    return BrokenAnswer(f"the exchange answered 200 with {why}")
