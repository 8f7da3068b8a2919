"""Who asks: the client keys of the gateway."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from gateway.errors import UnknownKey

_BEARER = re.compile(r"\s*(?:Bearer\s+)+", re.IGNORECASE)


class ClientKeys:
    """The keys that clients may use. Only their digests are kept."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    def client(self, authorization: str | None, api_key: str | None) -> int:
        """The number of the client, from 1, in the order of the configured keys.

        `authorization` and `api_key` are the headers `Authorization` and `x-api-key`. Raises `UnknownKey`.
        """
        number = 0
        for offered in _offered(authorization, api_key):
            digest = _digest(offered)
            for index, known in enumerate(self._digests, 1):  # all of them, however early one fits
                if hmac.compare_digest(digest, known):
                    number = number or index
        if not number:
            raise UnknownKey
        return number


def _offered(authorization: str | None, api_key: str | None) -> Iterable[str]:
    if authorization is not None and (bearer := _BEARER.match(authorization)):
        yield authorization[bearer.end() :].strip()
    if api_key is not None:
        yield api_key.strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
