"""What a token says about itself.

The signature is not checked, for only the vendor has the key: claims tell when to refresh and what to send along, and
nothing is granted because of them.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_WORD = re.compile(r"[\x21-\x7e]{1,200}")
_LATEST = 32503680000.0  # the year 3000: nothing later is a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of Kimi's tokens that we use, each `None` where the token lacks it or holds something else.

    `exp` and `iat` are Unix seconds; `typ` is `access` or `refresh`.
    """

    sub: str | None = None
    ssid: str | None = None
    device_id: str | None = None
    typ: str | None = None
    exp: float | None = None
    iat: float | None = None


def read(token: str) -> Claims:
    """The claims of `token`; empty ones for what is no JWT. Never raises.

    Header and signature may be anything: a library for JWTs judges them, and the names of issuer and audience as well,
    and would leave us without an `exp` that is there.
    """
    claims = _payload(token)
    return Claims(
        sub=_word(claims, "sub"),
        ssid=_word(claims, "ssid"),
        device_id=_word(claims, "device_id"),
        typ=_word(claims, "typ"),
        exp=_time(claims, "exp"),
        iat=_time(claims, "iat"),
    )


def issuer(token: str) -> str | None:
    """Who made `token`. A `sub` names the same user only among the tokens of one issuer.

    It is no part of `Claims`: most tokens that are none of Kimi's have one too.
    """
    return _word(_payload(token), "iss")


def is_token(text: str) -> bool:
    """Whether `text` carries any of these claims, as every token of Kimi's web chat does."""
    return read(text) != Claims()


def _payload(token: str) -> Mapping[str, Any]:
    """What stands between the dots, base64 with or without its padding; empty where that is no JSON object."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(urlsafe_b64decode(f"{parts[1]}=="))  # padding beyond what is needed does no harm
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _word(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that can stand in a header."""
    value = claims.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else None
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST:
        return None
    return float(value)
