"""Which refreshers live, as they say themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kimi.pool.store import Store, to_ms

BEAT_SECONDS: Final = 2.0
"""So often a refresher says that it lives."""
AT_WORK_SECONDS: Final = 8.0
"""One that was not heard of for longer is not said to be at work: several beats are missing."""
FORGOTTEN_SECONDS: Final = 600.0
"""One that was not heard of for so long is forgotten by those that live. The last of all is remembered for good."""


class Heartbeats:
    """Writes and reads when each was last seen, by Redis's clock. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def beat(self, name: str) -> None:
        """The refresher of that name lives."""
        self._store.run("beat", name, to_ms(FORGOTTEN_SECONDS))

    def leave(self, name: str) -> None:
        """The refresher of that name has stopped. The last of all is remembered all the same."""
        self._store.run("beat_no_more", name)

    def seen(self) -> Mapping[str, float]:
        """How many seconds ago each was last heard of, the latest first; nothing where there never was one."""
        answer = self._store.run("beats")
        return {name: int(age) / 1000 for name, age in zip(answer[::2], answer[1::2], strict=True)}

    def any_lives(self) -> bool:
        """Whether one is at work."""
        return any(age <= AT_WORK_SECONDS for age in self.seen().values())


class Pulse:
    """Lets one refresher be heard of every few seconds, however often it is asked to."""

    def __init__(
        self, heartbeats: Heartbeats, name: str, *, clock: Callable[[], float], every: float = BEAT_SECONDS
    ) -> None:
        self._heartbeats = heartbeats
        self._name = name
        self._clock = clock
        self._every = every
        self._not_before = 0.0

    def check(self) -> None:
        """Beats when it is time to. Raises `StoreUnavailable`."""
        now = self._clock()
        if now >= self._not_before:
            self._heartbeats.beat(self._name)
            self._not_before = now + self._every

    def end(self) -> None:
        """It beats no more. Raises `StoreUnavailable`."""
        self._heartbeats.leave(self._name)
