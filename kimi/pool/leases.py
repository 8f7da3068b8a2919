"""The right to use an account for one request."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import orjson

from kimi.accounts import Account
from kimi.errors import AllBusy, AwaitingToken, NoAccount, PoolError, Unreadable, UpstreamDown
from kimi.pool import leavings
from kimi.pool.conversations import Bookmark
from kimi.pool.scanning import pages
from kimi.pool.specs import unpack
from kimi.pool.store import Store, to_ms

LEASE_SECONDS = 45.0
_AT_ONCE: Final = 50  # leases, or tickets, of a worker in one step
TRIES: Final = 4
"""So many accounts are tried that cannot be opened."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An account and its access token, for one request. It expires by itself unless it is renewed.

    With `is_probe` the request finds out whether an account that has failed serves again, see `Leases.prove`.
    """

    id: str
    account: Account
    token: str = field(repr=False)
    version: int
    granted: float  # Unix seconds by the clock of the pool, or of the worker that leased it from memory
    is_probe: bool = False

    @property
    def member(self) -> str:
        """The lease as it stands in Redis."""
        return f"{self.id}:{self.account.name}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request needs: an account that serves one of `routes`, for `model`, but none of `exclude`, by name.

    `tripped` are lines (`Account.line`) that are not to be used just now. With `only` no account but that one will do.
    """

    routes: tuple[str, ...]
    model: str
    exclude: frozenset[str] = frozenset()
    tripped: frozenset[str] = frozenset()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """For how long an account is left alone after a failure. Times are in seconds.

    Failures of one `kind` in a row make it longer, from `first` by `factor` up to `most`; `told` is what the upstream
    itself said, and goes before. With `model` only that model of the account rests; with `organisation` all accounts
    rest that are known to be of it.
    `because` is what the operator reads.
    """

    kind: str
    because: str
    first: float
    most: float
    factor: float = 2.0
    told: float | None = None
    model: str = ""
    organisation: str = ""


_NO_REST: Final = Rest("", "", 0.0, 0.0)


class Released(NamedTuple):
    """For how many seconds the account, or the model, `rests` now, and whether a conversation was kept."""

    rests: float
    kept: bool = False


def refusal(why: str, seconds: float | None = None) -> PoolError | UpstreamDown:
    """Why there is no lease, in the script's words; nobody can be had before `seconds`, where that is known."""
    match why:
        case "busy":
            return AllBusy("every account is in use")
        case "tripped":
            return UpstreamDown("every account that is free is behind a failing upstream")
        case "cooling":
            return AllBusy("every account is cooling down", retry_after=seconds)
        case "pending":
            return AwaitingToken("accounts are waiting for a fresh access token", retry_after=seconds)
        case "tried":
            return NoAccount("every account was tried")
    return NoAccount("no account serves this")


class _Sealed(NamedTuple):
    """The account `name` cannot be opened."""

    name: str
    error: Unreadable


class Leases:
    """Chooses accounts, counts who uses them and keeps the queue for them. Every method may raise `StoreUnavailable`.

    `worker` is the process that leases; it holds no `:` and no dot. Its leases and tickets begin with it, so that they
    can be given back when it dies.
    """

    def __init__(self, store: Store, *, seconds: float = LEASE_SECONDS, worker: str = "") -> None:
        self._store = store
        self.seconds = seconds
        self._worker = worker or os.urandom(16).hex()

    def acquire(self, wish: Wish, *, ticket: str = "", patience: float = 0.0) -> Lease:
        """Leases the best account for `wish`: highest priority, then by weight.

        Choosing, checking the limit and counting are one atomic step.
        Raises `AllBusy` or `AwaitingToken` when waiting may help, `NoAccount` when it cannot, `UpstreamDown` when it
        cannot and tripped lines are the reason. `retry_after` is set when it is known that nobody can be free sooner.
        With a `ticket` the caller has a place in the queue after those two, for `patience` seconds, unless they are
        known to be not enough: it is called as soon as it is its turn.
        One that cannot be opened is passed over for another; `Unreadable` is raised, and nothing leased, where there is
        none, or where that goes on: then it is this process that has the wrong keys.
        """
        unreadable: list[Unreadable] = []
        while len(unreadable) < TRIES:
            try:
                found = self._acquire(wish, ticket, patience)
            except NoAccount as none:
                if not unreadable or isinstance(none, AwaitingToken):
                    raise
                break
            if isinstance(found, Lease):
                return found
            wish = replace(wish, exclude=wish.exclude | {found.name})
            unreadable.append(found.error)
        raise unreadable[-1]

    def _acquire(self, wish: Wish, ticket: str, patience: float) -> Lease | _Sealed:
        lease_id = f"{self._worker}.{os.urandom(16).hex()}"
        words = (
            orjson.dumps(wish.routes).decode(),
            wish.model,
            orjson.dumps(sorted(wish.exclude)).decode(),  # who wishes the same does so in the same words
            lease_id,
            to_ms(self.seconds),
            orjson.dumps(sorted(wish.tripped)).decode(),
            ticket,
            to_ms(patience),
            wish.only,
        )
        while (answer := self._store.run("acquire", *words))[0] == "left":
            pass  # each time hundreds fewer are in the way
        if answer[0] == "leased":
            _, name, spec, token, version, now, is_probe = answer
            try:
                return Lease(lease_id, *self._opened(spec, token), int(version), int(now) / 1000, is_probe == "1")
            except Unreadable as error:
                self._release(f"{lease_id}:{name}", int(now) / 1000, renewed=False)
                return _Sealed(name, error)
        raise refusal(answer[0], int(answer[1]) / 1000 if len(answer) > 1 else None)

    def _opened(self, spec: str, token: str) -> tuple[Account, str]:
        account = unpack(spec, self._store.vault)
        account.proxy_to_dial()
        return account, self._store.vault.open(token)

    def release(
        self,
        lease: Lease,
        *,
        rest: Rest | None = None,
        served: bool = False,
        renewed: bool = True,
        keep: Bookmark | None = None,
    ) -> Released:
        """Gives the account back, once.

        A `rest` is a strike against the account: when it is over, one request at a time tries it until one was
        `served`, or `prove` is called. What failed beside another failure of the same account is no further strike.
        A renewal that arrives later does not bring the lease back. That costs a key, which is spared where none was
        ever sent, and `renewed` is false.
        In the same step a conversation is kept, see `Conversations.keep`.
        """
        version = lease.version if served else 0
        rests = self._release(lease.member, lease.granted, rest or _NO_REST, version, renewed=renewed, keep=keep)
        return Released(rests, kept=keep is not None)

    def _release(
        self,
        member: str,
        granted: float,
        rest: Rest = _NO_REST,
        served: int = 0,
        *,
        renewed: bool,
        keep: Bookmark | None = None,
    ) -> float:
        """`served` is the version of the credential that has served, 0 for none."""
        rests = self._store.run(
            "release",
            member,
            to_ms(granted),
            served,
            rest.kind,
            rest.because,
            to_ms(rest.first),
            to_ms(rest.most),
            rest.factor,
            -1 if rest.told is None else to_ms(rest.told),
            rest.model,
            rest.organisation,
            int(renewed),
            *(keep.words() if keep else ()),
        )
        return int(rests) / 1000

    def prove(self, lease: Lease) -> None:
        """A `lease` that is a probe is being answered: its account serves as many requests as before its failure."""
        self._store.run("prove", lease.member, to_ms(lease.granted))

    def leave(self, ticket: str) -> None:
        """Whoever held `ticket` waits no longer."""
        self._store.run("leave", ticket)

    def look(self, routes: Collection[str]) -> float | None:
        """Lets what time has changed take effect, and calls those who wait for it. One worker at a time does, for all.

        Returns the seconds until the next account of `routes` has rested; None where none rests, or others look.
        """
        soonest = self._store.run("look", orjson.dumps(list(routes)).decode(), self._worker)
        return None if soonest is None else int(soonest) / 1000

    def abandon(self, worker: str, *, but: Iterable[Lease] = ()) -> int:
        """Gives back all leases of `worker`, which has died, and tears up its tickets. Returns how many leases it had.

        One that lives and has lost its bearings keeps those `but` which it knows to hold.
        """
        held = {lease.member for lease in but}
        tickets = leavings.tickets_of(self._store, worker)
        for page in pages(tickets, _AT_ONCE):  # first all of them, or they would be called to its own places
            self._store.run("abandon", len(page), *page)
        leases = [lease for lease in leavings.leases_of(self._store, worker) if lease not in held]
        return sum(int(self._store.run("abandon", 0, *page)) for page in pages(leases, _AT_ONCE))

    def renew(self, leases: Iterable[Lease]) -> None:
        """Lengthens leases that are still in use, some at a time."""
        for page in pages([lease.member for lease in leases], _AT_ONCE):
            self._store.run("renew", to_ms(self.seconds), *page)

    def expired(self) -> int:
        """How many leases nobody gave back in time, since Redis counts them."""
        with self._store.guarded() as redis:
            return int(redis.get(self._store.key("leases:expired")) or 0)

    def reject(self, lease: Lease) -> bool:
        """The upstream refused the access token: out of service, and the refresher is woken.

        True for the first who says so of this token; a hundred rejections cause one refresh.
        """
        return bool(self._store.run("reject", lease.account.name, lease.version))
