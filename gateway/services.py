"""What the gateway works with, as its parts see it; everything comes in through `Services`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.auth import Caller
from gateway.catalogue import Catalogue
from gateway.client_limits import OPEN, Gate
from gateway.drain import Drain
from gateway.metrics import Metrics
from gateway.run import Completion
from gateway.settings import BODIES
from gateway.shares import Shares
from gateway.tracing import Traces
from gateway.turn import Turn
from kimi.chat import Chat
from kimi.models import Selection
from kimi.pool.counts import Counts

if TYPE_CHECKING:
    from gateway.admin.desk import Desk  # what stands behind it needs this module


class Completions(Protocol):
    """Where answers come from."""

    def start(self, selection: Selection, chat: Chat, turn: Turn) -> Completion:
        """An answer to `chat`, the `turn` of a conversation, to be closed by whoever asked. Raises `KimiError`."""


class Door(Protocol):
    """Knows who may come in."""

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """Who sent the headers `Authorization` and `x-api-key`. Raises `UnknownKey`."""


class Tokens(Protocol):
    """Knows which refresh tokens are good."""

    def is_live(self, text: str) -> bool:
        """Whether one of the tokens in `text` is. Raises `TokenUndecided` when that is not known in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The collaborators of the application.

    `gate` lets requests in that ask an account, as far as the limits of their keys allow.
    `bodies` is the room for large ones.
    Without a `desk` there is no page for operators. `counts` is what their figures are made of.
    `traces` makes spans, where somebody wants them.
    `settle` waits so many seconds until everything that was borrowed is given back.
    `is_shut_out` says whether Redis holds what this process has no key for, and `is_outdated` whether it is
    of another release, which this one cannot work with.
    `clock` is in Unix seconds, `monotonic` in seconds of any origin.
    """

    completions: Completions
    catalogue: Catalogue
    keys: Door
    tokens: Tokens
    metrics: Metrics
    drain: Drain
    settle: Callable[[float], object]
    gate: Gate = OPEN
    desk: Desk | None = None
    counts: Counts = field(default_factory=Counts)
    bodies: Shares = field(default_factory=lambda: Shares(BODIES, "large bodies"))
    traces: Traces | None = None
    is_shut_out: Callable[[], bool] = lambda: False
    is_outdated: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    new_id: Callable[[], str] = lambda: os.urandom(16).hex()
