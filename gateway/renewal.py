"""Keeping the leases of running requests from expiring."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import gevent

from kimi.errors import StoreUnavailable
from kimi.pool import Lease

log = logging.getLogger(__name__)


class Renewer(Protocol):
    """Where leases are kept."""

    seconds: float

    def renew(self, leases: Iterable[Lease]) -> None: ...


class LeaseKeeper:
    """Renews all leases of this process together, three times in each one's life.

    `beside` is what else has to be kept alive in the same rounds.
    """

    def __init__(
        self,
        leases: Renewer,
        pause: Callable[[float], object] = gevent.sleep,
        *,
        beside: Callable[[], object] = lambda: None,
    ) -> None:
        self._leases = leases
        self._pause = pause
        self._beside = beside
        self._held: dict[str, Lease] = {}

    @property
    def held(self) -> int:
        """How many leases this process holds."""
        return len(self._held)

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Renews `lease` while the block runs."""
        self._held[lease.id] = lease
        try:
            yield
        finally:
            del self._held[lease.id]

    def run(self) -> None:
        """Renews for ever."""
        while True:
            self._pause(self._leases.seconds / 3)
            self.renew()

    def renew(self) -> None:
        """Renews now. A store that cannot be reached is asked again next time."""
        self._beside()
        try:
            self._leases.renew(list(self._held.values()))
        except StoreUnavailable as error:
            log.warning("%d leases could not be renewed: %s", len(self._held), error)
