"""The places to which the operator wants alerts sent, and a message that tries them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kimi.alerts import texts
from kimi.alerts.delivery import Destination, Undelivered
from kimi.alerts.messengers import Messenger
from kimi.alerts.notes import Language, Note
from kimi.alerts.robots import robot_of
from kimi.alerts.webhook import Webhook

PATIENCE_SECONDS: Final = 60.0
"""How long a test waits for all of them; each has timeouts of its own, of about 10 s."""


class Wanted(Protocol):
    """The settings that say where."""

    @property
    def alert_webhook_url(self) -> str: ...

    @property
    def alert_webhook_secret(self) -> str: ...

    @property
    def alert_urls(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a test at one destination."""

    destination: str
    ok: bool
    message: str


def destinations(settings: Wanted) -> list[Destination]:
    """All of them. Loads Apprise where there is an address for it."""
    hooks: list[Destination] = []
    if settings.alert_webhook_url:
        hooks.append(Webhook(settings.alert_webhook_url, settings.alert_webhook_secret))
    return [*hooks, *(robot_of(url) or Messenger(url) for url in settings.alert_urls)]


def deliver_test(to: Sequence[Destination], *, at: float, language: Language = "en") -> list[Trial]:
    """Sends a message to each at the same time, and waits for what comes of it. `at` is now, in Unix seconds."""
    words = texts.TEST[language]
    note = Note(
        id=uuid.uuid4().hex,
        at=at,
        rule="test",
        severity="info",
        subjects=(),
        count=0,
        title=words.title,
        text=words.text,
        resolved=False,
    )
    trials: dict[int, Trial] = {}

    def attempt(place: int, destination: Destination) -> None:
        try:
            destination.deliver(note)
        except Undelivered as error:
            trials[place] = Trial(destination.name, ok=False, message=str(error))
        else:
            trials[place] = Trial(destination.name, ok=True, message="delivered")

    threads = [threading.Thread(target=attempt, args=each, name="alert test", daemon=True) for each in enumerate(to)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    late = [Trial(destination.name, ok=False, message="no answer in time") for destination in to]
    return [trials.get(place, late[place]) for place in range(len(to))]
