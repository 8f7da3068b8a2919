"""Clients that send wrong keys are slowed down; whoever has a right one never is, whatever others send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Final, Protocol

import structlog

from gateway.auth import Caller, offered
from gateway.backoff import Attempts, LocalAttempts
from gateway.client_address import neighbourhood
from gateway.errors import TokenRefused, TooManyWrongKeys, UnknownKey
from gateway.services import Door
from kimi.errors import StoreUnavailable
from kimi.pool.attempts import Pause
from kimi.pool.clients import KEY_PREFIX

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BEGINNING: Final = 12
"""Characters by which guesses of one key are known: enough to tell keys apart, and nobody has guessed so many."""
_HEAD: Final = "eyJ"
"""How every token of Kimi begins."""


class Guard(Protocol):
    """Is told of wrong keys. `hold` and `wrong` raise `TooManyWrongKeys` in a pause."""

    def sender(self) -> str | None:
        """Where the present request comes from, as far as a client cannot choose that; None where nobody is counted."""
        ...

    def hold(self, keys: Iterable[str]) -> None:
        """Comes before something is done to find out whether `keys` are right."""
        ...

    def wrong(self, keys: Iterable[str]) -> None:
        """None of `keys`, which came with one request, was right."""
        ...


class _Open:
    """Lets everybody try."""

    def sender(self) -> None:
        """Nobody is told from anybody."""

    def hold(self, keys: Iterable[str]) -> None:
        """Nobody is held."""

    def wrong(self, keys: Iterable[str]) -> None:
        """Nothing is counted."""


OPEN: Final = _Open()


class Guesses:
    """Counts wrong keys by the address of the sender, and by how a key begins: somebody may have many addresses.

    `shared` counts them for all workers and replicas, `local` while it is away; a pause that is known here needs to
    be asked nobody. `sender` tells the address that the present request comes from. Of a key nothing is kept but a
    digest of its beginning that nobody can try keys on without knowing `secret`.
    """

    def __init__(self, shared: Attempts, local: LocalAttempts, sender: Callable[[], str], secret: bytes) -> None:
        self._shared = shared
        self._local = local
        self._sender = sender
        self._key = blake2b(secret, person=b"wrong keys").digest()

    def sender(self) -> str:
        """See `Guard.sender`."""
        return neighbourhood(self._sender())

    def hold(self, keys: Iterable[str]) -> None:
        """See `Guard.hold`."""
        self._attempt(keys, counts=False)

    def hold_known(self) -> None:
        """Raises `TooManyWrongKeys` in a pause of the sender that this worker knows of. Redis is not asked."""
        (pause,) = self._local.pauses([f"at:{self.sender()}"])
        if pause.seconds > 0:
            raise TooManyWrongKeys(retry_after=pause.seconds)

    def wrong(self, keys: Iterable[str]) -> None:
        """See `Guard.wrong`. Who sends none guesses nothing."""
        if tried := [key for key in keys if key]:
            self._attempt(tried, counts=True)

    def _attempt(self, keys: Iterable[str], *, counts: bool) -> None:
        address = self._sender()
        alike = sorted({f"like:{self._digest(beginning(key))}" for key in keys})
        pauses = self._ask([f"at:{neighbourhood(address)}", *alike], counts=counts)
        seconds = max(pause.seconds for pause in pauses)
        if any(pause.begins for pause in pauses):
            counted_by = "address" if pauses[0].begins else "key"
            log.warning("too many wrong client keys", address=address, counted_by=counted_by, seconds=seconds)
        if seconds > 0:
            raise TooManyWrongKeys(retry_after=seconds)

    def _ask(self, buckets: Sequence[str], *, counts: bool) -> Sequence[Pause]:
        known = self._local.pauses(buckets)
        if any(pause.seconds for pause in known):
            return known
        try:
            told = self._shared.attempt(buckets, counts=counts)
        except StoreUnavailable:
            return self._local.attempt(buckets, counts=counts)
        self._local.learn(buckets, told)
        return told

    def _digest(self, text: str) -> str:
        return blake2b(text.encode(errors="surrogatepass"), key=self._key, digest_size=16).hexdigest()


class GuardedKeys:
    """Lets in whom `keys` lets in, and tells `guard` of wrong keys."""

    def __init__(self, keys: Door, guard: Guard) -> None:
        self._keys = keys
        self._guard = guard

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """See `Door.caller`. Raises `TooManyWrongKeys` for a wrong key in a pause, and what the other door raises.

        What comes with a right key is done before anything is counted, and costs no more than without all this.
        """
        try:
            return self._keys.caller(authorization, api_key)
        except TokenRefused:
            raise  # whoever refuses a token has counted it, if not before
        except UnknownKey:
            self._guard.wrong(offered(authorization, api_key))
            raise


def beginning(key: str) -> str:
    """What guesses of one key have in common.

    Keys that are created begin all alike, and so do tokens: of those it is all but what nobody can make up, the
    signature.
    """
    head, dot, _ = key.rpartition(".")
    if dot and key.startswith(_HEAD):
        return head
    return key.removeprefix(KEY_PREFIX)[:BEGINNING]
