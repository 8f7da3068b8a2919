"""JWTs as Kimi's user centre makes them: HS512, claims as seen on the wire."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

# Public on purpose: a restarted simulator still knows the tokens that it handed out before.
_KEY = hashlib.sha512(b"this key signs tokens of the Kimi simulator and of nothing else").digest()

FAR_AWAY = 4_102_444_800  # 2100-01-01: demo tokens that are written into a file must not run out


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a token speaks for."""

    sub: str
    ssid: str
    device_id: str | None
    region: str
    level: int = 10


def issue(holder: Holder, typ: str, *, now: float, lifetime: float) -> str:
    """A token of `typ` ("access" or "refresh") that lives for `lifetime` seconds from `now` (Unix seconds)."""
    return _signed(holder, typ, iat=int(now), exp=int(now + lifetime), jti=uuid.uuid4().hex[:20])


def first_refresh(holder: Holder) -> str:
    """The refresh token an account starts with: the same one every time."""
    jti = hashlib.sha256(b"first" + holder.sub.encode()).hexdigest()[:20]
    return _signed(holder, "refresh", iat=1_750_000_000, exp=FAR_AWAY, jti=jti)


def _signed(holder: Holder, typ: str, *, iat: int, exp: int, jti: str) -> str:
    claims: dict[str, Any] = {
        "iss": "user-center" if holder.device_id else "account-nt",
        "exp": exp,
        "iat": iat,
        "jti": jti,
        "typ": typ,
        "app_id": "kimi",
        "sub": holder.sub,
        "space_id": holder.sub,
        "abstract_user_id": holder.sub,
        "ssid": holder.ssid,
        "region": holder.region,
        "membership": {"level": holder.level},
    }
    if holder.device_id:
        claims["device_id"] = holder.device_id
    return jwt.encode(claims, _KEY, algorithm="HS512")


@lru_cache(4096)
def read(token: str) -> Mapping[str, Any] | None:
    """The claims of a token of ours, expired or not; None when it is not ours."""
    try:
        claims: dict[str, Any] = jwt.decode(token, _KEY, algorithms=["HS512"], options={"verify_exp": False})
    except jwt.InvalidTokenError:
        return None
    return claims
