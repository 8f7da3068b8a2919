"""What a failure does to the account that met it, and giving the account back in that state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import gevent
import structlog
from gevent import getcurrent
from gevent.event import AsyncResult
from gevent.pool import Group

from gateway.shield import Shieldable
from kimi import errors
from kimi.accounts import Kind, State
from kimi.errors import KimiError, StoreUnavailable, UpstreamError
from kimi.pool import Bookmark, Lease, Released, Rest
from kimi.reactions import STRAY, TABLE
from kimi.upstreams import Cancels, KnowsAllowance, Upstream

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

CANCEL_SECONDS: Final = 0.7
"""For stopping an answer upstream: a client that has left gives its account back within a second."""
ALLOWANCE_SECONDS: Final = 3.0
"""For asking when a spent plan begins anew."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one attempt to answer with one account has come to, filled in while it runs."""

    model: str
    error: KimiError | None = None
    served: bool = False  # something of an answer came
    finished: bool = False
    is_stray: bool = False  # what looks like the upstream's trouble is the account's own
    chat_id: str = ""
    segment_id: str = ""  # of the answer, once it has begun

    @property
    def is_over(self) -> bool:
        """Whether it is known what the account is to be given back with, and nobody has to be asked first."""
        return self.error is None and not self.runs_on

    @property
    def runs_on(self) -> bool:
        """Whether the upstream may still be writing: the answer has begun, and nobody there has ended it."""
        given_up = self.error is None or isinstance(self.error, UpstreamError)
        return bool(self.segment_id) and not self.finished and given_up


class Leases(Protocol):
    """Where is told what becomes of accounts that are leased; see `kimi.pool.Leases`."""

    def release(
        self, lease: Lease, *, rest: Rest | None = None, served: bool = False, keep: Bookmark | None = None
    ) -> Released: ...

    def reject(self, lease: Lease) -> bool: ...

    def prove(self, lease: Lease) -> None: ...


class Parting(Protocol):
    """What a request leaves behind at the upstream, see `gateway.cleanup.Opened`."""

    def bookmark(self) -> Bookmark | None: ...

    def close(self, *, kept: bool = False) -> None: ...


class Members(Protocol):
    """Where accounts are taken out of service; see `kimi.pool.Members`."""

    def mark(self, name: str, version: int, state: State, reason: str) -> bool: ...


class Reactions:
    """Gives an account back in the state that its last request left it in."""

    def __init__(
        self, leases: Leases, members: Members, upstreams: Mapping[Kind, Upstream], dice: random.Random
    ) -> None:
        self._leases = leases
        self._members = members
        self._upstreams = upstreams
        self._dice = dice
        self._running = Group()

    def give_back(self, lease: Lease, outcome: Outcome, parting: Parting | None = None) -> AsyncResult[float]:
        """Stops what still runs upstream, tells the pool what `outcome` means for the account, and releases `lease`.

        A client who leaves at this moment does not stop it; what may take longer happens in a greenlet of its own. The
        result, once it is done, is for how many seconds the account rests. What `parting` wants to be kept is kept in
        the same step; it is closed afterwards. A pool that cannot be reached is told in the log: the lease expires by
        itself.
        """
        done: AsyncResult[float] = AsyncResult()
        give_back = partial(self._give_back, lease, outcome, parting, done)
        here = getcurrent()
        if outcome.is_over and isinstance(here, Shieldable):
            with here.shielded():
                give_back()
        else:
            self._running.start(Shieldable(give_back))
        return done

    def answered(self, lease: Lease) -> None:
        """The account of `lease` has begun to answer: one that was tried after a failure may have others again.

        Returns at once. Where the pool cannot be told, it hears of it when the account is given back.
        """
        if lease.is_probe:
            self._running.start(Shieldable(partial(self._prove, lease)))

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for what is being given back; whether all of it is."""
        self._running.join(timeout)
        return not self._running

    def _prove(self, lease: Lease) -> None:
        try:
            self._leases.prove(lease)
        except StoreUnavailable as unavailable:
            told = {"account": lease.account.name, "reason": str(unavailable)}
            log.debug("an account is tried until its answer has ended", **told)

    def _give_back(self, lease: Lease, outcome: Outcome, parting: Parting | None, done: AsyncResult[float]) -> None:
        released = Released(0.0)
        try:
            if outcome.runs_on:
                self._cancel(lease, outcome)
            released = self._release(lease, outcome, parting.bookmark() if parting else None)
        except StoreUnavailable as unavailable:
            told = {"account": lease.account.name, "reason": str(unavailable)}
            log.warning("an account could not be given back, its lease expires", **told)
        finally:
            try:
                if parting is not None:
                    parting.close(kept=released.kept)
            finally:
                done.set(released.rests)

    def _release(self, lease: Lease, outcome: Outcome, keep: Bookmark | None) -> Released:
        name, error = lease.account.name, outcome.error
        if error is None:
            return self._leases.release(lease, served=outcome.served, keep=keep)
        reaction = STRAY if outcome.is_stray else TABLE[type(error)]
        reason = f"{type(error).__name__}: {error}"
        rest = reaction.rest(error, lease.account, outcome.model, self._told(lease, error), self._dice)
        try:
            if reaction.refresh:
                self._leases.reject(lease)
            if reaction.state is not None and self._members.mark(name, lease.version, reaction.state, reason):
                log.error("an account is out of service", account=name, state=reaction.state.value, reason=reason)
        finally:  # where the pool cannot be told, this worker at least knows that it holds the account no longer
            released = self._leases.release(lease, rest=rest, keep=keep)
        if rest is not None:
            log.info("an account rests", account=name, seconds=round(released.rests, 1), reason=reason)
        return released

    def _told(self, lease: Lease, error: KimiError) -> float | None:
        """What the upstream says of waiting, with the error or when it is asked."""
        upstream = self._upstreams[lease.account.kind]
        if error.retry_after is not None or not isinstance(error, errors.QuotaSpent):
            return error.retry_after
        if not isinstance(upstream, KnowsAllowance):
            return None
        with gevent.Timeout(ALLOWANCE_SECONDS, False):
            try:
                return upstream.resets_in(lease.account, lease.token)
            except KimiError as unknown:
                told = {"account": lease.account.name, "reason": str(unknown)}
                log.debug("nobody tells when the plan of an account begins anew", **told)
        return None

    def _cancel(self, lease: Lease, outcome: Outcome) -> None:
        upstream = self._upstreams[lease.account.kind]
        if not isinstance(upstream, Cancels):
            return
        with gevent.Timeout(CANCEL_SECONDS, False):
            try:
                upstream.cancel(outcome.chat_id, outcome.segment_id, lease.account, lease.token)
            except KimiError as error:
                log.debug("an answer could not be cancelled", account=lease.account.name, reason=str(error))
