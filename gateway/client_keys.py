"""Clients whose keys the operator has created while the gateway runs."""

from __future__ import annotations

from typing import Protocol

from gateway.auth import Caller, ClientKeys, offered, scope_of
from gateway.errors import UnknownKey
from kimi.pool.clients import KEY_LENGTH, KEY_PREFIX, Client, digest_of


class Created(Protocol):
    """Where created keys are found."""

    def find(self, digest: bytes) -> Client | None:
        """The key of that digest, if there is one. Raises `StoreUnavailable`."""
        ...


class CreatedKeys:
    """Lets in who has a key of the settings, or one that was created."""

    def __init__(self, keys: ClientKeys, created: Created) -> None:
        self._keys = keys
        self._created = created

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """As `ClientKeys.caller`; raises `StoreUnavailable` where nobody can know whether a key was created."""
        try:
            return self._keys.caller(authorization, api_key)
        except UnknownKey:
            for each in offered(authorization, api_key):
                if (found := self._find(each)) is not None:
                    return found
            raise

    def _find(self, key: str) -> Caller | None:
        if len(key) != KEY_LENGTH or not key.startswith(KEY_PREFIX):  # nor is anybody asked for it
            return None
        digest = digest_of(key)
        client = self._created.find(digest)
        return None if client is None else Caller(client.name, scope_of(digest), key=client)
