"""A gateway for a real gunicorn whose pool does what the question says: `tests.gateway.served:app`.

A question is a line of words. `hello` is answered with a piece of text, `sleep=SECONDS` is silence,
`fail=NAME` raises the error of that name, `big=BYTES` is one long piece, `stumble=WORD` is a mistake in a greenlet that
nobody waits for, `fall=WORD` one in what has to go on behind all requests.
`settled` in a file tells who gave back what.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

import gevent
from gevent.event import Event as Flag

from gateway.app import Gateway, create_app
from gateway.auth import ClientKeys
from gateway.catalogue import Catalogue
from gateway.drain import Drain
from gateway.metrics import Metrics
from gateway.mistakes import run_for_good
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.turn import Turn
from kimi import errors
from kimi.accounts import Kind
from kimi.chat import Chat
from kimi.events import Event, Finish, Text
from kimi.models import Selection
from kimi.pool import Summary
from kimi.settings import load
from tests.gateway.gunicorns import TRACE


class ObedientCompletion:
    """Does one word of the question at a time."""

    account: str | None = "alice"
    kind: Kind | None = Kind.KIMI
    attempts = 1
    is_fetching = False
    queue_seconds = 0.0

    def __init__(self, question: str) -> None:
        self.failovers: list[str] = []
        self.failed: list[str] = []
        self._words = question.split()
        self._wake_at = 0.0
        self._anything = Flag()  # that comes from upstream: nothing does
        self._is_closed = False

    def next(self, timeout: float) -> list[Event]:
        if (left := self._wake_at - time.monotonic()) > 0:
            self._anything.wait(min(left, timeout))
            return []
        if not self._words:
            return [Finish("stop")]
        name, _, value = self._words.pop(0).partition("=")
        match name:
            case "sleep":
                self._wake_at = time.monotonic() + float(value)
                return []
            case "stumble":
                gevent.spawn(int, value)
            case "fall":
                run_for_good(int, value)
            case "fail":
                raise getattr(errors, value, ZeroDivisionError)
        return [Text("x" * int(value) if name == "big" else f"{name} ")]

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            trace("closed")


class ObedientPool:
    """Has one account that is always free."""

    away = False

    def start(self, selection: Selection, chat: Chat, turn: Turn) -> ObedientCompletion:
        del selection
        trace("started")
        return ObedientCompletion(chat.messages[-1].content)

    def is_live(self, text: str) -> bool:
        return bool(text)

    def summary(self) -> Summary:
        return Summary(1, frozenset({"kimi"}))


def trace(line: str) -> None:
    """Notes what happened where the test can read it."""
    if path := os.environ.get(TRACE):
        with Path(path).open("a") as file:
            file.write(f"{line}\n")


@cache
def _application() -> Gateway:
    settings = load(GatewaySettings)
    pool = ObedientPool()
    services = Services(
        completions=pool,
        catalogue=Catalogue(pool),
        keys=ClientKeys(settings.gateway_api_keys),
        tokens=pool,
        metrics=Metrics(),
        drain=Drain(settings.gateway_drain_seconds),
        settle=lambda _seconds: trace("settled"),
    )
    return create_app(settings, services)


def __getattr__(name: str) -> Gateway:
    if name == "app":
        return _application()
    raise AttributeError(name)
