"""The answer to an exchange, looked at before it takes the place of a token that may be the only good one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kimi import claims, credentials
from kimi.accounts import Kind, Tokens
from kimi.credentials import CredentialError
from kimi.errors import BrokenAnswer
from kimi.upstreams import complaints
from kimi.upstreams.faults import match

_TOKEN = re.compile(r"[\w.~+/=-]{1,16384}", re.ASCII)  # what may follow "Bearer "


def pair(kind: Kind, body: Any, spent: str) -> Tokens | None:
    """The tokens of an answer in any of its shapes, which come after `spent`; `None` where there are none in it.

    The access token is empty where there is none that could be used, and the refresh token surely is one: that is the
    one that must not be lost. Raises `BrokenAnswer` for all that must not be stored: tokens that were cut, masked or
    swapped, of somebody else, or beside an error.
    """
    layers = _layers(body)
    access, refresh = _one(layers, "accessToken", "access_token"), _one(layers, "refreshToken", "refresh_token")
    if not access and not refresh:
        return None
    if any(map(_is_error, layers)) or _complains(kind, body):
        raise _refused("tokens beside an error")
    _check(refresh)
    if len({sub for token in (spent, access, refresh) if (sub := claims.read(token).sub)}) > 1:
        raise _refused("tokens of somebody else")
    if _is_access(access) and access != refresh:
        return Tokens(access, refresh)
    if claims.read(refresh).typ != "refresh" or refresh == spent:
        raise _refused("no access token")
    return Tokens("", refresh)


def _layers(body: Any) -> list[Mapping[str, Any]]:
    """The body and what it wraps, the latter last."""
    inner = body.get("data") if isinstance(body, Mapping) else None
    return [layer for layer in (body, inner) if isinstance(layer, Mapping)]


def _one(layers: list[Mapping[str, Any]], *names: str) -> str:
    """What stands under one of these names, where tokens have to stand."""
    found = next((value for name in names if (value := layers[-1].get(name))), "") if layers else ""
    return found if isinstance(found, str) else ""


def _is_error(layer: Mapping[str, Any]) -> bool:
    return bool(layer.get("error") or layer.get("error_type"))


def _complains(kind: Kind, body: Any) -> bool:
    """Whether there is an error in it that we know: any word at all may stand beside good tokens."""
    complaint = complaints.of_object(kind, body)
    return complaint is not None and match(complaint) is not None


def _check(refresh: str) -> None:
    """Raises `BrokenAnswer` for what is no refresh token as it would be taken from an operator."""
    try:
        is_bare = credentials.refresh_token(refresh) == refresh and _TOKEN.fullmatch(refresh)
    except CredentialError as error:
        raise _refused(f"no refresh token ({error.code})") from None
    if not is_bare:
        raise _refused("no refresh token (malformed)")


def _is_access(token: str) -> bool:
    is_whole = not token.startswith("eyJ") or token.count(".") >= 2
    return _TOKEN.fullmatch(token) is not None and is_whole and claims.read(token).typ != "refresh"


def _refused(why: str) -> BrokenAnswer:
    return BrokenAnswer(f"the exchange answered 200 with {why}")
