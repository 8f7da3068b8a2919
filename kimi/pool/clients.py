"""Keys that the operator gives to clients. Of each Redis holds the SHA-256 and how it begins: nobody can read it."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from types import MappingProxyType
from typing import Any, Final

import orjson

from kimi.pool.client_terms import LIMITS, NO_LIMITS, Changes, ClientLimits, ClientRefused, clean_name
from kimi.pool.disk import until_on_disk
from kimi.pool.lineage import Lineage
from kimi.pool.store import Store, to_ms

KEY_PREFIX: Final = "sk-kimi-"
KEY_LENGTH: Final = len(KEY_PREFIX) + 43
"""Behind the prefix stand 256 random bits in URL-safe characters."""
MOST: Final = 10_000
"""Keys there may be at a time. Those that were revoked do not count."""
KEEP_SECONDS: Final = 90 * 86_400.0
"""How long a revoked key is listed."""
PAGE: Final = 250
"""Keys that are read in one step."""
_SHOWN: Final = len(KEY_PREFIX) + 2
_ID_LENGTH: Final = 16
_NOTHING: Final[Changes] = MappingProxyType({})
_ID: Final = re.compile(rf"[0-9a-f]{{{_ID_LENGTH}}}")


class NoSuchClient(Exception):
    """There is no such key. `str()` is a sentence for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A key that was created, without the key. Times are in Unix seconds.

    `id` is what it is edited and revoked by; `prefix` is how the key begins, for whoever looks for it.
    """

    id: str
    name: str
    prefix: str
    digest: bytes = field(repr=False)
    created: float
    revoked: float | None = None
    limits: ClientLimits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Created:
    """A new key. `key` is shown once, and nobody can tell it afterwards."""

    key: str = field(repr=False)
    client: Client


@dataclass(frozen=True, slots=True)
class ClientBatch:
    """Changes up to `number`; `latest` is that of the last change of all."""

    number: int
    latest: int
    clients: tuple[Client, ...]


def digest_of(key: str) -> bytes:
    """What is kept of a key. It has 256 random bits, so that a slow hash would make it no safer."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def id_of(digest: bytes) -> str:
    """The beginning of its digest names a key, which no index is needed for then. It tells nothing of the key."""
    return digest.hex()[:_ID_LENGTH]


class Clients:
    """Creates keys, changes and reads them. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lineage = Lineage()

    def create(self, name: str, limits: ClientLimits = NO_LIMITS) -> Created:
        """Creates a key, which is on disk when this returns.

        Raises `ClientRefused` where the name is taken or none, or there are too many keys.
        """
        name = clean_name(name)
        key = f"{KEY_PREFIX}{secrets.token_urlsafe(32)}"
        digest = digest_of(key)
        words = [_word(getattr(limits, each)) for each in LIMITS]
        outcome = self._store.run("client_create", id_of(digest), name, digest.hex(), key[:_SHOWN], MOST, *words)
        client = self._outcome(outcome, name)
        until_on_disk(self._store)
        return Created(key, client)

    def edit(self, client_id: str, *, name: str | None = None, limits: Changes = _NOTHING) -> Client:
        """Gives a key another name (None leaves it), other `limits`, or both.

        Limits that are not named stay as they are, also where somebody changes them at the same time. Raises
        `NoSuchClient`, and `ClientRefused` where the name is taken or none, or the key is revoked.
        """
        name = "" if name is None else clean_name(name)
        words = [word for each in LIMITS if each in limits for word in (each, _word(limits[each]))]
        return self._outcome(self._store.run("client_edit", _checked(client_id), name, *words), name)

    def revoke(self, client_id: str) -> Client:
        """From now on the key opens nothing, also after a power cut; one that is revoked already stays as it is.

        Raises `NoSuchClient`.
        """
        client = self._outcome(self._store.run("client_revoke", _checked(client_id), to_ms(KEEP_SECONDS)))
        until_on_disk(self._store)
        return client

    def get(self, client_id: str) -> Client:
        """The key of that id. Raises `NoSuchClient`."""
        return self._outcome(self._store.run("client", _checked(client_id)))

    def find(self, digest: bytes) -> Client | None:
        """The key of that digest, if it was created and is not revoked."""
        try:
            found = self.get(id_of(digest))
        except NoSuchClient:
            return None
        return found if compare_digest(found.digest, digest) and found.revoked is None else None

    def all(self) -> list[Client]:
        """Every key, those that were revoked not long ago too, the oldest first."""
        found: dict[str, Client] = {}
        number, latest = 0, 1
        while number < latest:
            batch, _ = self._read(number)
            found.update((client.id, client) for client in batch.clients)
            number, latest = batch.number, batch.latest
        return sorted(found.values(), key=lambda client: (client.created, client.id))

    def since(self, number: int) -> ClientBatch:
        """What has changed after the change `number` (0: everything), oldest first, at most `PAGE` keys of it.

        A `latest` below `number` says that Redis may have lost something, and that a copy has to be begun anew. For one
        who follows.
        """
        batch, lineage = self._read(number)
        return replace(batch, latest=self._lineage.latest(number, batch.latest, lineage))

    def _read(self, number: int) -> tuple[ClientBatch, str]:
        told, latest, lineage, *rows = self._store.run("clients", number, PAGE)
        return ClientBatch(int(told), int(latest), tuple(_client(row) for row in rows)), lineage

    def _outcome(self, answer: list[Any], name: str = "") -> Client:
        match answer:
            case ["ok", row]:
                return _client(row)
            case ["taken"]:
                raise ClientRefused(f"There is a key named {name} already.")
            case ["full"]:
                raise ClientRefused(f"There are {MOST} keys already: revoke one that nobody uses.")
            case ["revoked"]:
                raise ClientRefused("This key is revoked, and stays as it is.")
        raise NoSuchClient("There is no such key.")


def _checked(client_id: str) -> str:
    """What may be part of the names of Redis keys: there are others behind `client:ID`. Raises `NoSuchClient`."""
    if not _ID.fullmatch(client_id):
        raise NoSuchClient("There is no such key.")
    return client_id


def _word(limit: int | tuple[str, ...] | None) -> str | int:
    """A limit as it stands in Redis, where nothing is no limit."""
    if limit is None:
        return ""
    return orjson.dumps(limit).decode() if isinstance(limit, tuple) else limit


def _client(row: list[str]) -> Client:
    client_id, name, prefix, digest, created, revoked, requests, tokens, concurrent, models = row
    return Client(
        id=client_id,
        name=name,
        prefix=prefix,
        digest=bytes.fromhex(digest),
        created=int(created) / 1000,
        revoked=int(revoked) / 1000 if revoked else None,
        limits=ClientLimits(
            requests_per_minute=int(requests) if requests else None,
            tokens_per_day=int(tokens) if tokens else None,
            concurrent=int(concurrent) if concurrent else None,
            models=tuple(orjson.loads(models)) if models else None,
        ),
    )
