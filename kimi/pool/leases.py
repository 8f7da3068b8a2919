"""The right to use an account for one request."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from kimi.accounts import Account
from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool.members import unpack
from kimi.pool.store import Store, to_ms

LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lease:
    """An account and its access token, for one request. It expires by itself unless it is renewed."""

    id: str
    account: Account
    token: str = field(repr=False)
    version: int

    @property
    def member(self) -> str:
        """The lease as it stands in Redis."""
        return f"{self.id}:{self.account.name}"


class Leases:
    """Chooses accounts and counts who uses them. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store, *, seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self.seconds = seconds

    def acquire(self, routes: Sequence[str], *, model: str, exclude: Collection[str] = ()) -> Lease:
        """Leases the best account that serves one of `routes`: highest priority, least loaded, then by weight.

        Choosing, checking the limit and counting are one atomic step.
        Raises `AllBusy` or `AwaitingToken` when waiting may help, `NoAccount` when it cannot. `retry_after` is set when
        it is known that nobody can be free sooner.
        """
        lease_id = uuid.uuid4().hex
        answer = self._store.run(
            "acquire",
            orjson.dumps(list(routes)).decode(),
            model,
            orjson.dumps(list(exclude)).decode(),
            lease_id,
            to_ms(self.seconds),
        )
        if answer[0] == "leased":
            _, _, spec, token, version = answer
            return Lease(lease_id, unpack(spec), token, int(version))
        why = answer[0]
        if why == "busy":
            raise AllBusy("every account is in use")
        seconds = int(answer[1]) / 1000 if len(answer) > 1 else None
        if why == "cooling":
            raise AllBusy("every account is cooling down", retry_after=seconds)
        if why == "pending":
            raise AwaitingToken("accounts are waiting for a fresh access token", retry_after=seconds)
        if why == "tried":
            raise NoAccount("every account was tried")
        raise NoAccount("no account serves this")

    def release(self, lease: Lease, *, cool: float = 0.0, reason: str = "", model: str = "") -> None:
        """Gives the account back, once. `cool` keeps it from being chosen for so many seconds, for `reason`.

        With `model` only that model is not asked of this account meanwhile.
        """
        self._store.run("release", lease.member, to_ms(cool), reason, model)

    def renew(self, leases: Iterable[Lease]) -> None:
        """Lengthens leases that are still in use, all in one step."""
        members = [lease.member for lease in leases]
        if members:
            self._store.run("renew", to_ms(self.seconds), *members)

    def reject(self, lease: Lease) -> bool:
        """The upstream refused the access token: out of service, and the refresher is woken.

        True for the first who says so of this token; a hundred rejections cause one refresh.
        """
        return bool(self._store.run("reject", lease.account.name, lease.version))
