"""An upstream that does what a test wrote down, and counts what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import gevent
import pytest
from gevent.event import Event as Flag

from kimi import errors
from kimi.accounts import Account
from kimi.chat import Chat
from kimi.events import Batch, ChatOpened, Event

Step = Event | Batch | BaseException | float
"""An event, a batch of them or silence, an error to raise, or seconds of silence, unless `go_on` is set before."""
ALIVE: Final[Sequence[Event]] = ()
"""A read that brings nothing."""
SILENCE: Final = None
"""A moment in which nothing comes."""


def hang() -> None:
    """Never returns; whoever waits for it has to give up."""
    Flag().wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Lets greenlets run until `condition` holds; five seconds at most."""
    with gevent.Timeout(5):
        while not condition():
            gevent.idle()


UNSEEN: Final = (
    errors.TokenRejected("401"),
    errors.AccountBanned("closed"),
    errors.AccountBusy("another stream"),
    errors.Overloaded("tired"),
    errors.RateLimited("slow down"),
    errors.QuotaSpent("spent"),
    errors.ModelRefused("not in the plan"),
    errors.Unreachable("refused"),
    errors.UpstreamTimeout("silence"),
    errors.BrokenAnswer("empty"),
)
"""Failures that another account makes good."""
each_unseen = pytest.mark.parametrize("failure", UNSEEN, ids=lambda error: type(error).__name__)


@dataclass
class ScriptedUpstream:
    """Answers with one script a call, the last one for ever; scripts can also be set for one account.

    Where a chat is continued no other is opened.
    """

    scripts: list[Sequence[Step]] = field(default_factory=list)
    by_account: dict[str, list[Sequence[Step]]] = field(default_factory=dict)
    deletions: list[BaseException] = field(default_factory=list)
    asked: list[tuple[str, str, Chat]] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[tuple[str, str, str]] = field(default_factory=list)
    on_ask: Callable[[], object] = lambda: None
    on_step: Callable[[], object] = lambda: None
    on_cancel: Callable[[], object] = lambda: None
    closed: int = 0
    running: int = 0
    steps: int = 0  # begun, over all scripts
    go_on: Any = field(default_factory=Flag)

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]:
        self.asked.append((account.name, token, chat))
        self.on_ask()
        scripts = self.by_account.get(account.name, self.scripts)
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        self.running += 1
        has_told = False
        try:
            for step in script:
                self.steps += 1
                self.on_step()
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, float):
                    if has_told:
                        yield ALIVE
                    self.go_on.wait(step)
                elif not isinstance(step, ChatOpened):
                    yield step if step is SILENCE or isinstance(step, Sequence) else [step]
                    has_told = step is not SILENCE
                elif chat.behind is None:
                    self.opened.add(step.chat_id)
                    yield [step]
        finally:
            self.running -= 1
            self.closed += 1

    def cancel(self, chat_id: str, segment_id: str, account: Account, token: str) -> None:
        assert account.name and self.running == 0, "the connection is closed first"
        self.cancelled.append((chat_id, segment_id, token))
        self.on_cancel()

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        if self.deletions:
            raise self.deletions.pop(0)
        self.opened.discard(chat_id)
        self.deleted.append((chat_id, token))
