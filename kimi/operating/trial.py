"""Trying one account with a question of its own, as a client's request would find it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from kimi.accounts import Kind, Record, State
from kimi.chat import Chat, Limits, Message
from kimi.errors import (
    AllBusy,
    AwaitingToken,
    BrokenAnswer,
    KimiError,
    NoAccount,
    Unreadable,
    UpstreamTimeout,
)
from kimi.events import ChatOpened, Finish, Text
from kimi.operating.accounts import Accounts
from kimi.operating.describing import models_of
from kimi.operating.spans import span
from kimi.operating.troubles import UNREADABLE
from kimi.pool import Chats, Lease, Leases, Members, Store, Wish
from kimi.pool.chats import StandingChat
from kimi.reactions import TABLE
from kimi.redaction import redact
from kimi.upstreams import KeepsChats, Upstream

log = logging.getLogger(__name__)

QUESTION: Final = "1+1=? Answer with the number alone."
SECONDS: Final = 30.0
"""How long an answer may take, well below the life of a lease."""
_TOKENS: Final = 64
_SHOWN: Final = 40
_LATER: Final = 60.0  # until the refresher may delete the chat, if this process does not get to it


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it after so many `seconds`; `message` is a sentence, `model` what was asked ('' for nothing)."""

    name: str
    ok: bool
    seconds: float
    message: str
    model: str


class Trials:
    """Asks single accounts. `upstreams` are built on a line of the caller's, and work with his kind of sockets.

    `run` raises `NoSuchAccount` and `StoreUnavailable`.
    """

    def __init__(
        self,
        store: Store,
        upstreams: Mapping[Kind, Upstream],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        dice: random.Random | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._store = store
        self._accounts = Accounts(store)
        self._members = Members(store)
        self._leases = Leases(store)
        self._chats = Chats(store)
        self._upstreams = upstreams
        self._monotonic = monotonic
        self._dice = dice or random.SystemRandom()
        self._seconds = seconds

    def run(self, name: str) -> Trial:
        """Asks the account a tiny question, if it could serve a request just now; nobody else is asked instead."""
        record, began = self._accounts.get(name), self._monotonic()
        model, routes = _way(record)
        try:
            if why := _hindrance(record, model):
                return Trial(name, ok=False, seconds=0.0, message=why, model="")
            lease = self._leases.acquire(Wish(routes, model, only=name))
        except (AllBusy, AwaitingToken, NoAccount):
            return Trial(name, ok=False, seconds=0.0, message=_why_not(record, self._store.now()), model="")
        except Unreadable:
            return Trial(name, ok=False, seconds=0.0, message=UNREADABLE, model="")
        try:
            answer = self._ask(lease, model)
        except KimiError as error:
            seconds = self._monotonic() - began
            return Trial(name, ok=False, seconds=seconds, message=f"{type(error).__name__}: {error}", model=model)
        seconds = self._monotonic() - began
        return Trial(name, ok=True, seconds=seconds, message=f"answered: {_short(answer)}", model=model)

    def _ask(self, lease: Lease, model: str) -> str:
        """The answer. Gives the account back in the state in which this leaves it. Raises `KimiError`."""
        opened: list[str] = []
        error: KimiError | None = None
        try:
            return self._read(lease, model, opened)
        except KimiError as failure:
            error = failure
            raise
        finally:
            try:
                self._delete(lease, opened)
            finally:
                self._give_back(lease, model, error)

    def _read(self, lease: Lease, model: str, opened: list[str]) -> str:
        body = {"messages": [{"role": "user", "content": QUESTION}]}
        chat = Chat(model=model, messages=(Message("user", QUESTION),), limits=Limits(tokens=_TOKENS), body=body)
        upstream = self._upstreams[lease.account.kind]
        text, end = "", self._monotonic() + self._seconds
        with closing(upstream.stream(chat, lease.account, lease.token)) as stream:
            for batch in stream:
                for event in batch or ():
                    if isinstance(event, ChatOpened):
                        self._opened(lease, event.chat_id, opened)
                    elif isinstance(event, Text):
                        text += event.text
                    elif isinstance(event, Finish):
                        return text
                if self._monotonic() > end:
                    raise UpstreamTimeout(f"there was no whole answer after {span(self._seconds)}")
        raise BrokenAnswer("the stream ended without an end")

    def _opened(self, lease: Lease, chat_id: str, opened: list[str]) -> None:
        opened.append(chat_id)
        self._chats.note({StandingChat(chat_id, lease.account.name): _LATER})

    def _delete(self, lease: Lease, opened: list[str]) -> None:
        upstream = self._upstreams[lease.account.kind]
        if not isinstance(upstream, KeepsChats):
            return
        for chat_id in opened:
            try:
                upstream.delete_chat(chat_id, lease.account, lease.token)
            except KimiError as error:
                log.debug("the chat of a trial is left to the refresher: %s", error)
            else:
                self._chats.note({StandingChat(chat_id, lease.account.name): None})

    def _give_back(self, lease: Lease, model: str, error: KimiError | None) -> None:
        if error is None:
            self._leases.release(lease, served=True)
            return
        reaction = TABLE[type(error)]
        try:
            if reaction.refresh:
                self._leases.reject(lease)
            if reaction.state is not None:
                reason = f"{type(error).__name__}: {error}"
                self._members.mark(lease.account.name, lease.version, reaction.state, reason)
        finally:
            rest = reaction.rest(error, lease.account, model, error.retry_after, self._dice)
            self._leases.release(lease, rest=rest)


def _way(record: Record) -> tuple[str, tuple[str, ...]]:
    """The model to ask for, '' where none is known so far, and the routes that lead to the account."""
    kind, owner = record.account.kind, record.account.owner
    model = "kimi" if kind.is_web else next(iter(models_of(record)), "")
    route = kind.value if kind.is_web else f"{kind.value}:{model}"
    return model, (f"{route}@{owner}" if owner else route,)


def _hindrance(record: Record, model: str) -> str:
    """Why it cannot be asked in the state that it is in."""
    if not record.configured:
        return "it was taken out of the accounts file and serves no more"
    if record.state in {State.DEAD, State.BANNED}:
        return f"it is {record.state} ({record.reason}): clear it to have its token tried anew"
    if record.state is State.PAUSED:
        return "it is paused: resume it first"
    return "" if model else "its models are not known yet: refresh it first"


def _why_not(record: Record, now: float) -> str:
    """Why it could not be had, although it is in service."""
    if record.cool_until > now:
        return f"it rests for {span(record.cool_until - now)} ({record.cool_reason}): clear it, or try again then"
    if not record.has_access or record.rejected or record.access_expires <= now:
        if not record.is_readable:
            return UNREADABLE
        return "it waits for a fresh access token: refresh it, and look whether the refresher is running"
    if record.in_flight >= record.account.max_concurrency:
        most = record.account.max_concurrency
        if most == 1:
            return "its one place is in use: try again in a moment"
        return f"all {most} of its places are in use: try again in a moment"
    return "it cannot be asked just now, perhaps for its requests a minute: try again in a moment"


def _short(answer: str) -> str:
    line = redact(answer, limit=_SHOWN + 1)  # it goes to terminals
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
