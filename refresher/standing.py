"""How accounts stood when they were last read, should the store go back behind that."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kimi.accounts import Account, ConfiguredAccount, Record
from kimi.pool.fingerprints import fingerprint


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stood: whether it was in service, with which version of which secret, and what else is said of it.

    Of limits that the operator has edited nothing is said.
    """

    configured: bool
    fingerprint: str
    version: int
    edited: bool
    said: int  # a hash

    @staticmethod
    def of(record: Record) -> Standing:
        """That of what was read."""
        said = _said(record.account, edited=record.edited)
        return Standing(record.configured, record.fingerprint, record.version, record.edited, said)

    def is_of(self, member: ConfiguredAccount) -> bool:
        """Whether it was in service as it is configured."""
        is_same = self.configured and self.fingerprint == fingerprint(member.secret)
        return is_same and self.said == _said(member.account, edited=self.edited)


class Standings:
    """How all accounts of the operator stood, also those that have left: of these `most` at the least.

    The store has gone back behind that where the version of an account in service has fallen. Behind a loss that was
    seen the first look at each account counts as well: what differs then was lost, or done in the moment before; what
    changes later is somebody's will.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._in: dict[str, Standing] = {}
        self._left: dict[str, Standing] = {}  # those who left last stand last
        self._unmet: set[str] = set()  # since the store has lost something
        self._behind: dict[str, Standing] = {}
        self.losses = 0
        """How often the store was seen to have lost something."""

    def __len__(self) -> int:
        """How many are in service."""
        return len(self._in)

    def __getitem__(self, name: str) -> Standing | None:
        """How the account stood; None where it was never read."""
        return self._in.get(name) or self._left.get(name)

    def fingerprints(self) -> set[str]:
        """Those of the secrets that are in service."""
        return {standing.fingerprint for standing in self._in.values()}

    def lost(self) -> None:
        """The store has lost something: every account is met anew."""
        self.losses += 1
        self._unmet = {*self._in, *self._left}

    def met_all(self) -> None:
        """All that are there were read: whoever left and comes from now on comes by somebody's will."""
        self._unmet.difference_update(self._left)

    def is_first(self, name: str) -> bool:
        """Whether this account was not read since the store has lost something."""
        return name in self._unmet

    def before(self, record: Record) -> Standing | None:
        """How it stood, where the store has gone back behind that or may have."""
        was = self[record.account.name]
        if was is None or (was.configured and record.version < was.version):
            return was
        # It may have been exchanged before anybody has looked at it.
        is_later = record.version > was.version and record.fingerprint != was.fingerprint
        may_count = self.is_first(record.account.name) and not is_later
        return was if may_count and Standing.of(record) != was else None

    def note(self, record: Record) -> None:
        """It stands so from now on. What the store has gone back behind is there to be taken by `behind`."""
        name, was = record.account.name, self.before(record)
        if was is not None:
            self._behind.setdefault(name, was)
        self._unmet.discard(name)
        self._left.pop(name, None)
        if record.configured:
            self._in[name] = Standing.of(record)
            return
        self._in.pop(name, None)
        self._left[name] = Standing.of(record)
        if len(self._left) > 2 * self._most:
            self._left = dict([*self._left.items()][-self._most :])

    def behind(self) -> dict[str, Standing]:
        """How those stood, by name, behind which the store has gone back since the last call."""
        behind, self._behind = self._behind, {}
        return behind


def has_left_before(record: Record, was: Standing) -> bool:
    """Whether an account is in service that had left, for the store has gone back."""
    return record.configured and not was.configured


def was_in_service(record: Record, was: Standing) -> bool:
    """Whether an account has left that was in service later, for the store has gone back.

    With the same version it may as well have left in the last moment: so it stays out.
    """
    return was.configured and not record.configured and record.version < was.version


def is_as(record: Record, member: ConfiguredAccount) -> bool:
    """Whether an account is in service as it is configured, but for limits that the operator has edited."""
    return Standing.of(record).is_of(member)


def _said(account: Account, *, edited: bool) -> int:
    if edited:
        account = replace(account, max_concurrency=0, requests_per_minute=None, weight=0.0, priority=0)
    return hash(account)
