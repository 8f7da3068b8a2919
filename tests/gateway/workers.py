"""Workers without a gunicorn around them."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import gevent
from gevent import socket as green
from gunicorn.config import Config

from gateway.accepting import Door
from gateway.app import Gateway
from gateway.listening import prepare
from gateway.patience import Patience
from gateway.worker import Worker

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def worker_of(app: App, patience: Patience | None = None, **settings: object) -> Worker:
    """One that serves `app` to whatever connections it is given."""
    worker = Worker.__new__(Worker)
    worker.cfg, worker.log = Config(), logging.getLogger("gateway.test")
    for name, value in settings.items():
        worker.cfg.set(name, value)
    worker.alive, worker.nr, worker.max_requests = True, 0, 1_000
    worker._requests = 0
    worker._begin(patience or Patience())
    worker.wsgi = cast("Gateway", app)
    return worker


class Listening:
    """A worker that serves `app` at an address, until `stop`: with short limits it looks often for what is late."""

    def __init__(self, app: App, patience: Patience, most: int = 50) -> None:
        self.worker = worker_of(app, patience)
        listener = green.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        prepare(listener, 60)  # so that it is not the kernel that gives up
        self.address = listener.getsockname()
        self.door = Door(listener, self.worker.handle, most, self.worker.make_room)
        self.door.start()
        self._beating = gevent.spawn(self._beat)

    def connect(self, room: int | None = None) -> Any:
        """A client, whose system keeps `room` bytes for it."""
        sock = green.socket()
        if room is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        sock.settimeout(8)
        sock.connect(self.address)
        return sock

    def stop(self) -> None:
        self._beating.kill()
        self.door.close()
        self.door.pool.kill(timeout=1)

    def _beat(self) -> None:
        loop = gevent.get_hub().loop
        while True:
            loop.run_callback(self.worker.end_late, time.monotonic())
            self.door.knock()
            gevent.sleep(0.02)
