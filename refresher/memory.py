"""What this process remembers of the newest tokens, should the store go back to an older state or lose everything."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import structlog

from kimi import claims
from kimi.accounts import Record, State
from kimi.errors import Unreadable
from kimi.pool import Members, TokenStore
from kimi.pool.tokens import Credential
from refresher.standing import Standings

log = structlog.stdlib.get_logger("refresher")


MOST: Final = 20_000
"""So many secrets that clients brought along are remembered, and of those that are out of the pool between so many and
twice as many, at about 1 KiB each: there may be any number of them."""


class Memory:
    """The newest refresh token that came to this process or that it saw in the store, for every configured secret.

    A token is put back only in the place of one that was refused, or that Kimi itself has dated before it, and only if
    it came after that one: any other that is stored may be newer than what is remembered here. Of several refreshers
    the one that condemns an account need not be the one that remembers, so each looks at all that die. What came of a
    secret is remembered apart for whoever brought it along: a spent one of the operator's that somebody has got hold of
    must not lead to its successor. All that the operator has in the pool are remembered, at about 1 KiB each; of
    those that he had there, and of the clients', `most` of each. Whatever asks the store may raise `StoreUnavailable`.
    """

    def __init__(self, members: Members, tokens: TokenStore, *, most: int = MOST) -> None:
        self._most = most
        self._members = members
        self._tokens = tokens
        self._latest: dict[str, Credential] = {}  # by fingerprint
        self.standings = Standings(most)
        self._of_clients: dict[tuple[str, str], Credential] = {}  # by fingerprint and owner
        self._lock = threading.Lock()

    @property
    def latest(self) -> Mapping[str, Credential]:
        """Those of the operator's accounts, by the fingerprints of the configured secrets that they stem from."""
        return MappingProxyType(self._latest)

    def of(self, fingerprint: str, owner: str = "") -> Credential | None:
        """The newest that has come of the secret with that `fingerprint`."""
        return self._of_clients.get((fingerprint, owner)) if owner else self._latest.get(fingerprint)

    @property
    def _holds_any(self) -> bool:
        return bool(self._latest or self._of_clients)

    def remember(self, fingerprint: str, credential: Credential, owner: str = "") -> None:
        """This one has just come. Beyond `most` of clients the one is forgotten that was exchanged longest ago."""
        with self._lock:
            if not owner:
                self._latest[fingerprint] = credential
                return
            self._of_clients.pop((fingerprint, owner), None)
            self._of_clients[fingerprint, owner] = credential
            if len(self._of_clients) > self._most:
                del self._of_clients[next(iter(self._of_clients))]

    def see(self, record: Record) -> None:
        """The same for what is stored, if that is newer: it came to another refresher, or before this one was started.

        If it is older, it is forestalled: another refresher may know of nothing newer. Tokens of clients are theirs to
        bring again. One that cannot be opened keeps nobody from looking after the others; an official key does not
        change, so that it is sealed anew where somebody has done it with a key that is not known here.
        """
        if record.account.owner:
            return
        known = self.of(record.fingerprint)
        is_newer = known is None or known.version < record.version
        if known is not None:
            with suppress(Unreadable):
                is_newer = _is_newer(record, known)
                is_older = not is_newer and known.refresh != record.refresh
                # Where it is locked it is shown just now, and read again.
                if is_older and record.configured and not self._tokens.is_locked(record.account.name):
                    self.forestall(record)
        self.standings.note(record)
        with self._lock:
            with suppress(Unreadable):
                if is_newer:
                    self._latest[record.fingerprint] = Credential(record.refresh, record.version)
            if not record.configured and record.fingerprint in self._latest:
                self._latest[record.fingerprint] = self._latest.pop(record.fingerprint)  # who left last goes last
            self._drop_oldest()
        if known is None or record.account.kind.is_web or record.is_readable:
            return
        if self._members.mend(record, known):
            log.warning(
                "another process has sealed an official key with a key that is not known here: it is sealed anew",
                account=record.account.name,
            )

    def _drop_oldest(self) -> None:
        """Seldom, and then many at once: it takes a look at all."""
        if len(self._latest) <= len(self.standings) + self._most * 2:
            return
        in_pool = self.standings.fingerprints()
        out = [known_as for known_as in self._latest if known_as not in in_pool]
        for known_as in out[: -self._most]:
            del self._latest[known_as]

    def put_back(self, record: Record, *, refused: bool = True) -> bool:
        """Whether a later token took the place of the one of `record`, which was `refused`. Raises `Unreadable`."""
        later = self.of(record.fingerprint, record.account.owner)
        if later is None or later.refresh == record.refresh:
            return False
        if later.version <= record.version:
            if record.access or not _came_after(later.refresh, record.refresh):
                return False
            # Somebody who knew nothing of it entered the one before once more, behind versions of another secret.
            later = replace(later, version=record.version + 1)
        if not self._tokens.put_back(record, later, refused=refused):
            return False
        log.warning(
            "the store has gone back to an older state, the token that was stored later is tried",
            account=record.account.name,
        )
        return True

    def forestall(self, record: Record) -> bool:
        """The same before the token of `record` is shown to Kimi, which ends a login whose spent token comes back.

        Only where Kimi's own dates say which of both is the later one. That one may be a look-alike of somebody else's,
        so the one that is stored stays behind it. Raises `Unreadable`.
        """
        later = self.of(record.fingerprint, record.account.owner)
        if later is None or not _came_after(later.refresh, record.refresh):
            return False
        return self.put_back(record, refused=False)

    def consider(self, record: Record) -> None:
        """Bring the account back if it is dead for a token that has had a successor, and that can be opened."""
        if record.configured and record.state is State.DEAD:
            with suppress(Unreadable):
                self.put_back(record)

    def look(self, name: str) -> None:
        """Consider what is stored of one account. Costs nothing while nothing is remembered."""
        record = self._members.get(name) if self._holds_any else None
        if record is not None:
            self.consider(record)

    def look_at_all(self) -> None:
        """Consider what is stored of every account, in the same way."""
        for record in self._members.all() if self._holds_any else ():
            self.consider(record)


def _is_newer(record: Record, known: Credential) -> bool:
    """Whether what is stored came after what is `known`, by Kimi's dates or else by versions. Raises `Unreadable`.

    Versions of one secret begin anew where Redis does, and go on behind those of another where a name is given to it.
    A higher one that was exchanged is believed all the same: a date may be that of a look-alike.
    """
    by_version, by_date = known.version < record.version, _came_after(record.refresh, known.refresh)
    return by_version if by_date is None or (by_version and record.access) else by_date


def _came_after(one: str, other: str) -> bool | None:
    """Whether `one` came after `other`, by Kimi's own dates; None where these do not tell."""
    if one == other:
        return None
    first, second = claims.read(one).iat, claims.read(other).iat
    return None if first is None or second is None or first == second else first > second
