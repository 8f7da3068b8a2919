"""Mistakes of ours in greenlets that nobody waits for. gevent prints them past the log, secrets and all."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

log = logging.getLogger(__name__)


def log_those_of(hub: Any) -> None:
    """From now on they stand in the log like all others, for the thread of this `hub`."""
    hub.print_exception = _log


def _log(_where: object, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.error("a greenlet met an error of ours", exc_info=(kind, error, trace))
