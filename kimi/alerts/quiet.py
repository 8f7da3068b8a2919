"""Keeps what delivers alerts from logging its addresses, which are secrets, and hears what it has to complain of."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_heard: ContextVar[list[str] | None] = ContextVar("alerts_heard", default=None)
_LOGGERS: Final = ("apprise", "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")
_COMPLAINTS: Final = frozenset({logging.WARNING, logging.ERROR, logging.CRITICAL})  # not what is deprecated


class _Silence(logging.Filter):
    """Lets nothing through that is logged while a message is delivered, or an address is read, in this context."""

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _heard.get()
        if heard is None:
            return True
        if record.name == "apprise" and record.levelno in _COMPLAINTS:
            heard.append(record.getMessage())
        return False


_SILENCE: Final = _Silence()


@contextmanager
def quietly() -> Generator[list[str]]:
    """The block logs nothing; yields the list to which its complaints are added. They may hold secrets."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_SILENCE)  # once, however often it is added
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
