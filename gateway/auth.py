"""Who asks: the client keys of the gateway."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from gateway.errors import UnknownKey
from kimi.pool import Summary

_BEARER = re.compile(r"\s*(?:Bearer\s+)+", re.IGNORECASE)
PASSTHROUGH: Final = "passthrough"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    `scope` says whose conversations are his, without saying who he is.
    `client` is what the log shows: the number of his key, from 1, or `passthrough` for somebody who brought tokens.
    Such a caller has `accounts` of his own, those of his tokens that may serve, and is served by nobody else's; `pool`
    is what they can be asked for.
    """

    client: int | str
    scope: str
    accounts: tuple[str, ...] = ()
    pool: Summary | None = None

    @property
    def is_private(self) -> bool:
        """Whether his accounts are his own, and not those of the operator."""
        return self.client == PASSTHROUGH


class ClientKeys:
    """The keys that clients may use. Only their digests are kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        digests = [_digest(key) for key in keys]
        # Not by the number, by which a client would inherit another's conversations when the operator's list changes.
        self._known = [(digest, Caller(number, f"key:{digest.hex()[:32]}")) for number, digest in enumerate(digests, 1)]

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """Who sent the headers `Authorization` and `x-api-key`. Raises `UnknownKey`."""
        found: Caller | None = None
        for each in offered(authorization, api_key):
            digest = _digest(each)
            for known, caller in self._known:  # all of them, however early one fits
                if compare_digest(digest, known):
                    found = found or caller
        if found is None:
            raise UnknownKey
        return found


def offered(authorization: str | None, api_key: str | None) -> Iterator[str]:
    """The keys that a client sent along in the headers `Authorization` and `x-api-key`."""
    if authorization is not None and (bearer := _BEARER.match(authorization)):
        yield authorization[bearer.end() :].strip()
    if api_key is not None:
        yield api_key.strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
