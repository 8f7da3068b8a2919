"""The one poller of a worker, which looks for all who look at the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import gevent
import orjson
import structlog

from gateway.admin.viewer import Viewer
from gateway.admin.watcher import Watcher
from gateway.breathing import breathe
from gateway.drain import Drain
from gateway.errors import Draining, TooManyViewers
from kimi.errors import Outdated, StoreUnavailable
from kimi.operating.status import Overview

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MOST: Final = 32
"""Viewers of one worker."""
SECONDS: Final = 0.5
"""Between two looks."""
OVERVIEW_SECONDS: Final = 2.0
STUCK_SECONDS: Final = 30.0
"""Whoever reads nothing for so long is cut off."""
_BEAT: Final = 0.1
_LAST_SECONDS: Final = 0.5
"""What those who do not read have for the end."""


class Status(Protocol):
    """See `kimi.operating.status.Status`."""

    def overview(self) -> Overview: ...


class Live:
    """Looks as long as somebody else does. Its streams end as soon as this worker is to end, or may not look."""

    def __init__(
        self,
        watcher: Watcher,
        status: Status,
        drain: Drain,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._watcher = watcher
        self._status = status
        self._drain = drain
        self._clock = clock
        self._monotonic = monotonic
        self._viewers: set[Viewer] = set()
        self._runs = False
        self._sketch_at = 0.0

    def join(self, hang_up: Callable[[], object]) -> Viewer:
        """One more viewer, who is told of every change after the first that he is told of.

        Raises `TooManyViewers` or `Draining`.
        """
        if self._drain.begun:
            raise Draining
        if len(self._viewers) >= MOST:
            raise TooManyViewers
        viewer = Viewer(hang_up, self._monotonic)
        self._viewers.add(viewer)
        self._sketch_at = 0.0
        if not self._runs:
            self._runs = True
            gevent.spawn(self._run)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """It looks no more."""
        self._viewers.discard(viewer)

    def _run(self) -> None:
        try:
            self._begin()
            while self._viewers and not self._drain.begun:
                self._look()
                self._rest()
        except Outdated as error:  # who asks again is told so
            log.debug("the page is told of nothing: %s", error)
        finally:
            self._runs = False
            self._close()

    def _begin(self) -> None:
        try:
            self._watcher.begin()
        except StoreUnavailable as error:
            log.debug("the page is not told of the pool: %s", error)

    def _look(self) -> None:
        if self._monotonic() >= self._sketch_at:
            self._sketch_at = self._monotonic() + OVERVIEW_SECONDS
            seen = self._status.overview()
            if not seen.redis.up:
                self._watcher.lose()
            overview = orjson.dumps(seen.described())
            for viewer in self._viewers:
                viewer.sketch(overview)
        try:
            for news in self._watcher.look():
                for viewer in self._viewers:
                    viewer.tell(news, self._clock())
                breathe()
        except StoreUnavailable as error:
            self._sketch_at = min(self._sketch_at, self._monotonic() + SECONDS)
            log.debug("the page is not told of the pool: %s", error)

    def _rest(self) -> None:
        until = self._monotonic() + SECONDS
        while self._monotonic() < until and self._sketch_at and not self._drain.begun:
            gevent.sleep(_BEAT)
        for viewer in list(self._viewers):
            if viewer.busy_for() > STUCK_SECONDS:
                viewer.hang_up()

    def _close(self) -> None:
        """Ends all of them, and cuts off those who do not read the end."""
        ending = set(self._viewers)
        for viewer in ending:
            viewer.end()
        until = self._monotonic() + _LAST_SECONDS
        while ending & self._viewers and self._monotonic() < until:
            gevent.sleep(_BEAT)
        for viewer in ending & self._viewers:
            viewer.hang_up()
