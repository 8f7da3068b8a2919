"""A gateway whose pool answers at once, for `benchmarks.server_side`. It has to work with older checkouts as well."""

from __future__ import annotations

from functools import cache

from gateway.app import Gateway, create_app
from gateway.auth import ClientKeys
from gateway.catalogue import Catalogue
from gateway.drain import Drain
from gateway.metrics import Metrics
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.turn import Turn
from kimi.accounts import Kind
from kimi.chat import Chat
from kimi.events import Event, Finish, Text
from kimi.models import Selection
from kimi.pool import Summary
from kimi.settings import load


class ReadyCompletion:
    """Has all its events at the first question; their number is the last message."""

    account: str | None = "alice"
    kind: Kind | None = Kind.KIMI
    attempts = 1
    is_fetching = False
    queue_seconds = 0.0

    def __init__(self, chat: Chat) -> None:
        self.failovers: list[str] = []
        self.failed: list[str] = []
        self._events: list[Event] = [*(Text(" word") for _ in range(int(chat.messages[-1].content))), Finish("stop")]

    def next(self, timeout: float, *consume: object) -> list[Event]:
        del timeout, consume
        return self._events

    def close(self) -> None:
        self._events = []


class ReadyPool:
    """Has accounts of every kind, and all of them are free."""

    away = False

    def start(self, selection: Selection, chat: Chat, turn: Turn) -> ReadyCompletion:
        del selection, turn
        return ReadyCompletion(chat)

    def is_live(self, text: str) -> bool:
        return bool(text)

    def summary(self) -> Summary:
        return Summary(3, frozenset({"kimi", "kimi:*", "kimi-classic", "moonshot:kimi-k2.6", "moonshot:kimi-k2-turbo"}))


@cache
def application() -> Gateway:
    settings = load(GatewaySettings)
    pool = ReadyPool()
    return create_app(
        settings,
        Services(
            completions=pool,
            catalogue=Catalogue(pool),
            keys=ClientKeys(settings.gateway_api_keys),
            tokens=pool,
            metrics=Metrics(),
            drain=Drain(settings.gateway_drain_seconds),
            settle=lambda _seconds: None,
        ),
    )


def __getattr__(name: str) -> Gateway:
    if name == "app":
        return application()
    raise AttributeError(name)
