"""Who asks: the client keys of the gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from gateway.errors import UnknownKey
from kimi.pool import Summary
from kimi.pool.clients import Client, digest_of

_BEARER = re.compile(r"\s*(?:Bearer\s+)+", re.IGNORECASE)
PASSTHROUGH: Final = "passthrough"
PRIVATE: Final = "private:"
"""How the scope of everybody begins who brought tokens."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    `scope` says whose conversations are his, without saying who he is.
    `client` is what the log shows: the number of his key in the settings, from 1, the name of one that was created,
    `admin` for an operator, or `passthrough` for somebody who brought tokens.
    The latter has `accounts` of his own, those of his tokens that may serve, usable ones first, and is served by nobody
    else's; `pool` is what they can be asked for.
    `key` is the one that was created for him, with its limits.
    `is_proven` says that what he has shown is known to be good: anybody can make tokens up.
    """

    client: int | str
    scope: str
    accounts: tuple[str, ...] = ()
    pool: Summary | None = None
    key: Client | None = None
    is_proven: bool = True

    @property
    def is_private(self) -> bool:
        """Whether his accounts are his own, and not those of the operator."""
        return self.client == PASSTHROUGH

    def may_ask_for(self, model: str) -> bool:
        """Whether his key lets him ask for the model of that name."""
        return self.key is None or self.key.limits.allow(model)


class ClientKeys:
    """The keys of the settings. Only their digests are kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        digests = [digest_of(key) for key in keys]
        # Not by the number, by which a client would inherit another's conversations when the operator's list changes.
        self._known = [(digest, Caller(number, scope_of(digest))) for number, digest in enumerate(digests, 1)]

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """Who sent the headers `Authorization` and `x-api-key`. Raises `UnknownKey`."""
        found: Caller | None = None
        for each in offered(authorization, api_key):
            digest = digest_of(each)
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


def scope_of(digest: bytes) -> str:
    """The scope of whoever has the key of that digest."""
    return f"key:{digest.hex()[:32]}"
