"""gunicorn's gevent worker, taught to shut down gently and to speak JSON about broken requests.

What gunicorn's own does differently:

- It waits for idle keep-alive connections as long as for running requests; this one waits for requests only.
- It drops connections that the kernel has accepted already when it stops listening.
- It cuts streams off without a word; here they are told first, through `Drain`.
- Whoever watches it has a port of its own where that is set, see `gateway.metrics_port`.
- It waits for headers as long as a connection may be idle, for bodies and for those who do not read for ever.
- Connections on which nothing happens shut others out.
- It answers a request that it cannot parse with a page of HTML.
- It cuts everything off when its master has been killed.
- It calls the kernel for the head of an answer, for each of its pieces and for its end; see `Answer`.
"""

from __future__ import annotations

import gc
import os
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
from gunicorn.workers.ggevent import GeventWorker

from gateway.metrics_port import PLACES, MetricsPort
from gateway.mistakes import log_those_of
from gateway.server.connections import LAST_WORDS_SECONDS, Connections
from gateway.server.ending import Ending
from gateway.server.listening import port_of
from gateway.server.patience import TimeLimits

if TYPE_CHECKING:
    from gateway.app import Gateway

SETTLE_SECONDS: Final = 4.0
"""What is given back in the background has so long before the process ends."""
MARGIN_SECONDS: Final = int(LAST_WORDS_SECONDS + SETTLE_SECONDS) + 4
"""gunicorn's master kills what takes longer than its `graceful_timeout`, which has to be so much above the drain."""
GARBAGE: Final = 20_000
"""After so many new objects cycles of garbage are looked for. Python's own 700 come with each second request."""
_BEAT: Final = 0.2


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves a `Gateway`."""

    wsgi: Gateway
    pid: int
    age: float
    alive: bool
    is_told = False
    """For the master: whether it has told this one to end."""
    connections: Connections
    watchers: Connections
    metrics_port: int | None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ending = Ending()

    def run(self) -> None:
        """Serves until SIGTERM, and then until nothing runs any more."""
        gc.freeze()  # what is here by now stays for ever, and need not be looked at again and again
        gc.set_threshold(GARBAGE)
        log_those_of(gevent.get_hub())
        limits = TimeLimits(idle=self.cfg.keepalive)
        self._keeps = bool(self.cfg.keepalive)  # gunicorn looks a setting up in a slow way
        connections = self.connections = Connections(self.wsgi, self.cfg, self.log, limits, self._is_last)
        pages = MetricsPort(self.wsgi)
        watchers = self.watchers = Connections(pages, self.cfg, self.log, limits, lambda: not self.alive)
        for sock in self.sockets:
            is_for_clients = port_of(sock) != self.metrics_port
            whose, most = (connections, self.worker_connections) if is_for_clients else (watchers, PLACES)
            # The others want some as well.
            whose.listen(sock, most, at_once=1 if self.cfg.workers > 1 else None)
        while self.alive:
            self._await_beat()
        self._begin_drain()
        self._finish(connections)
        self.wsgi.settle(SETTLE_SECONDS)
        self._finish(watchers)

    def _finish(self, connections: Connections) -> None:
        connections.close()
        if connections.are_open:
            connections.finish(self.wsgi.drain, self._await_beat)
        connections.kill()

    def notify(self) -> None:
        """Tells the master that this worker lives. Without a master it ends, but its requests first."""
        self.tmp.notify()
        if self.alive and os.getppid() != self.ppid:
            self.log.error("gunicorn's master is gone, this worker ends as soon as its requests have")
            self.alive = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: `/readyz` says so at once."""
        super().handle_exit(sig, frame)
        if self.booted:
            self._begin_drain()

    def _begin_drain(self) -> None:
        """May be said again, for the others may have been told to end since."""
        self.alive = False
        self.ending.begin()
        self.wsgi.drain.begin(whole=self.ending.whole or os.getppid() != self.ppid)

    def _is_last(self) -> bool:
        """Counts a request. Whether its connection ends with it."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("this worker has had its number of requests and ends")
            self.alive = False
        return not (self.alive and self._keeps)

    def _await_beat(self) -> None:
        """What is to be done as long as anything runs here."""
        self.notify()
        if self.ending.begun:
            self._begin_drain()
        for each in (self.connections, self.watchers):
            gevent.get_hub().loop.run_callback(each.look_after, time.monotonic())
        gevent.sleep(_BEAT)
