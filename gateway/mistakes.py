"""Mistakes of ours in greenlets that nobody waits for. gevent prints them past the log, secrets and all."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec

import gevent

log = logging.getLogger(__name__)
_P = ParamSpec("_P")


def log_those_of(hub: Any) -> None:
    """From now on they stand in the log like all others, for the thread of this `hub`."""
    hub.print_exception = _log


def run_for_good(run: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> None:
    """Goes on with `run` behind all requests. A mistake there ends this worker, once its requests have."""
    gevent.spawn(run, *args, **kwargs).link_exception(_end_worker)


def _log(_where: object, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):  # of gunicorn, told to stop at once: gevent hands that to us as well
        log.error("a greenlet met an error of ours", exc_info=(kind, error, trace))


def _end_worker(_failed: gevent.Greenlet) -> None:
    log.error("this worker cannot go on after that: it ends as soon as its requests have, and another takes its place")
    signal.raise_signal(signal.SIGTERM)
