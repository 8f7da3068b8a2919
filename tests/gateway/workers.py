"""Workers without a gunicorn around them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, cast

from gunicorn.config import Config

from gateway.app import Gateway
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
