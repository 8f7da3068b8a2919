"""What has changed in the pool, for those who keep a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from kimi.accounts import Account, State
from kimi.errors import Garbled
from kimi.pool.lineage import Lineage
from kimi.pool.specs import unpack
from kimi.pool.store import Store
from kimi.pool.vault import Vault

PAGE = 100
"""Accounts that are read in one step: other clients of Redis wait for about a millisecond."""
NAMES: Final = 1_000
"""Names of such, which cost less."""


@dataclass(frozen=True, slots=True)
class Copy:
    """An account as it stood in Redis. Times are in Unix seconds.

    Its token is held as it stood there, and `opened` when it is used: most are not.
    """

    account: Account
    routes: tuple[str, ...]
    configured: bool
    serves: bool  # neither dead, banned nor paused
    stored_token: str = field(repr=False)  # none while the upstream refuses it
    version: int
    expires: float  # of the token
    cool_until: float
    strikes: int  # failures in a row
    strike_kind: str
    struck: float  # when the last of them happened
    refused: Mapping[str, float]  # models, and until when
    organisation: str = ""  # whose limits it is known to share; a hash
    fingerprint: str = ""  # of the secret that its credential stems from
    state: State = State.ACTIVE
    opened: Callable[[str], str] = field(default=str, repr=False, compare=False)

    @property
    def token(self) -> str:
        """The access token. Raises `Unreadable`."""
        return self.opened(self.stored_token)


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes up to `number`; `latest` is that of the last change of all."""

    number: int
    latest: int
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Accounts that have changed up to the change `number`; `latest` is that of the last change of all."""

    number: int
    latest: int
    names: tuple[str, ...]


class Changes:
    """Reads what has changed, in one small command when that is nothing. One for each who follows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lineage = Lineage()

    def since(self, number: int, wanted: Container[str] | None = None) -> Batch:
        """What has changed after the change `number` (0: everything), oldest first, at most `PAGE` accounts of it.

        Of `NAMES` only those that are `wanted`, if that is given: of all others Redis tells the names alone.
        A `latest` below `number` says that Redis may have lost something, and that the copy has to be begun anew.
        Raises `StoreUnavailable`.
        """
        if wanted is not None:
            return self._of_those(self.names(number, NAMES), wanted)
        told, last, lineage, *rows = self._store.run("changes", number, PAGE)
        latest = self._lineage.latest(number, int(last), lineage)
        return Batch(int(told), latest, tuple(_copies(rows, self._store.vault)))

    def _of_those(self, changed: Names, wanted: Container[str]) -> Batch:
        names = [name for name in changed.names if name in wanted]
        return Batch(changed.number, changed.latest, tuple(self.these(names)))

    def these(self, names: Sequence[str]) -> Iterator[Copy]:
        """These accounts, whether they have changed or not, `PAGE` at a time."""
        for start in range(0, len(names), PAGE):
            _, _, _, *rows = self._store.run("changes", 0, 0, *names[start : start + PAGE])
            yield from _copies(rows, self._store.vault)

    def names(self, number: int, limit: int = PAGE) -> Names:
        """The same, of which only the names are told."""
        told, last, lineage, *names = self._store.run("changed", number, limit)
        return Names(int(told), self._lineage.latest(number, int(last), lineage), tuple(names))


def _copies(rows: Iterable[list[Any]], vault: Vault) -> Iterator[Copy]:
    """Whoever is not understood is left out, as if he had no copy yet."""
    for row in rows:
        with suppress(Garbled, ValueError):
            yield _copy(row, vault)


def _copy(row: list[Any], vault: Vault) -> Copy:
    _, spec, routes, state, present, rejected, token, version, expires, cool_until, *failures = row
    strikes, kind, struck, organisation, fingerprint, refused = failures
    return Copy(
        account=unpack(spec, vault),
        routes=tuple(orjson.loads(routes)),
        configured=present == "1",
        serves=State(state) in {State.NEW, State.ACTIVE},
        stored_token="" if rejected == "1" else token,
        version=int(version),
        expires=int(expires) / 1000,
        cool_until=int(cool_until) / 1000,
        strikes=int(strikes or 0),
        strike_kind=kind or "",
        struck=int(struck or 0) / 1000,
        refused={model: int(until) / 1000 for model, until in zip(refused[::2], refused[1::2], strict=True)},
        organisation=organisation or "",
        fingerprint=fingerprint,
        state=State(state),
        opened=vault.open,
    )
