"""Which leases this worker holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from kimi.pool import Lease


class Holdings:
    """The leases of this process, wherever they came from, and how its accounts were used in the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._renewed: set[str] = set()
        self._loads: dict[str, int] = {}
        self._recent: dict[str, deque[float]] = {}

    @property
    def leases(self) -> list[Lease]:
        """Those that were not given back."""
        return list(self._leases.values())

    def for_renewal(self) -> list[Lease]:
        """The same, where Redis is going to be told that they last."""
        self._renewed.update(self._leases)
        over = self._clock() - 60.0
        self._recent = {name: recent for name, recent in self._recent.items() if recent[-1] > over}
        return self.leases

    @property
    def loads(self) -> Mapping[str, int]:
        """How many leases each account has; none stands for nought. Changes with them."""
        return self._loads

    def holds(self, lease_id: str) -> bool:
        """Whether that lease is one of them."""
        return lease_id in self._leases

    def add(self, lease: Lease) -> None:
        """It is held from now on."""
        account = lease.account
        self._leases[lease.id] = lease
        self._loads[account.name] = self._loads.get(account.name, 0) + 1
        if account.requests_per_minute:
            recent = self._recent.get(account.name)
            if recent is None or recent.maxlen != account.requests_per_minute:
                recent = self._recent[account.name] = deque(recent or (), account.requests_per_minute)
            recent.append(self._clock())

    def remove(self, lease: Lease) -> bool:
        """It is held no longer; whether Redis was told in the meantime that it lasts, or that is not known."""
        if self._leases.pop(lease.id, None) is None:
            return True
        self._loads[lease.account.name] -= 1
        if not self._loads[lease.account.name]:
            del self._loads[lease.account.name]
        renewed = lease.id in self._renewed
        self._renewed.discard(lease.id)
        return renewed

    def spent_until(self, name: str) -> float:
        """Until when the account has had its requests of a minute, in Unix seconds; 0 when it has not."""
        recent = self._recent.get(name)
        return recent[0] + 60.0 if recent and len(recent) == recent.maxlen else 0.0
