"""What a failure does to the account that met it."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gevent.event import Event as Flag
from gevent.pool import Group

from kimi.accounts import State
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    KimiError,
    ModelRefused,
    Overloaded,
    QuotaSpent,
    RateLimited,
    StoreUnavailable,
    TokenRejected,
)
from kimi.pool import Lease, Leases, Members

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cooling:
    """For how many seconds an account is not asked: what the upstream says, else something between two bounds."""

    least: float
    most: float
    model_only: bool = False

    def seconds(self, error: KimiError, dice: random.Random) -> float:
        """How long to leave the account alone after `error`."""
        return dice.uniform(self.least, self.most) if error.retry_after is None else error.retry_after


COOLING: Mapping[type[KimiError], Cooling] = MappingProxyType(
    {
        AccountBusy: Cooling(5, 30),
        Overloaded: Cooling(5, 10),
        RateLimited: Cooling(20, 40),
        QuotaSpent: Cooling(1800, 3600),
        ModelRefused: Cooling(3600, 7200, model_only=True),
    }
)
CONDEMNED: Mapping[type[KimiError], State] = MappingProxyType(
    {AccountDead: State.DEAD, AccountBanned: State.BANNED},
)


class Reactions:
    """Gives an account back in the state that its last failure left it in."""

    def __init__(self, leases: Leases, members: Members, dice: random.Random) -> None:
        self._leases = leases
        self._members = members
        self._dice = dice
        self._running = Group()

    def give_back(self, lease: Lease, model: str, error: KimiError | None) -> Flag:
        """Releases `lease`, and tells the pool what `error` means for its account; errors of others mean nothing.

        It happens in a greenlet of its own, which a client who leaves at this moment cannot kill; the flag is set when
        it is done. A pool that cannot be reached is told in the log: the lease expires by itself.
        """
        done = Flag()
        self._running.spawn(self._give_back, lease, model, error, done)
        return done

    def join(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for what is being given back; whether all of it is."""
        self._running.join(timeout)
        return not self._running

    def _give_back(self, lease: Lease, model: str, error: KimiError | None, done: Flag) -> None:
        try:
            if error is None:
                self._leases.release(lease)
            else:
                self._tell(lease, model, error)
        except StoreUnavailable as unavailable:
            log.warning("account %s could not be given back, its lease expires: %s", lease.account.name, unavailable)
        finally:
            done.set()

    def _tell(self, lease: Lease, model: str, error: KimiError) -> None:
        name, reason = lease.account.name, f"{type(error).__name__}: {error}"
        if isinstance(error, TokenRejected) and lease.account.kind.is_web:
            self._leases.reject(lease)
        state = CONDEMNED.get(type(error))
        if state is not None and self._members.mark(name, lease.version, state, reason):
            log.error("account %s is %s: %s", name, state.value, reason)
        cooling = COOLING.get(type(error))
        if cooling is None:
            self._leases.release(lease)
            return
        seconds = cooling.seconds(error, self._dice)
        self._leases.release(lease, cool=seconds, reason=reason, model=model if cooling.model_only else "")
        log.info("account %s rests for %.0f s: %s", name, seconds, reason)
