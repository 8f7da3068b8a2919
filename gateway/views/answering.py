"""Answers to a question, whole or streamed, whatever the surface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from random import randrange
from typing import Final

from flask import Response, request

from gateway.auth import Caller
from gateway.breathing import breathe
from gateway.client_limits import Place
from gateway.journal import Journal
from gateway.passthrough import along_own
from gateway.peer import Peer, SocketPeer, UnknownPeer
from gateway.run import Run
from gateway.server.environ_keys import SERVED
from gateway.server.outlet import SocketOutlet
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.streaming import StreamBody
from gateway.surfaces.chat_request import ChatRequest
from gateway.surfaces.wire import Stream, Whole
from gateway.turn import Turn
from gateway.views.replies import StreamReply, raw_reply
from gateway.views.requests import authenticate, entry, named_by, present
from kimi.context import fitting
from kimi.errors import AccountError, NoAccount
from kimi.pool.client_limits import LimitReached

PATIENCE: Final = 15.0
"""Seconds for which the status line is held back; a client waits for headers 60 s at the least."""


class Answering:
    """Lets the pool answer what a surface has understood. Raises what goes wrong before the first piece."""

    def __init__(self, settings: GatewaySettings, services: Services) -> None:
        self._settings = settings
        self._services = services
        self._journal = Journal(services.metrics, services.counts, services.traces)

    def whole(self, caller: Caller, asked: ChatRequest, turn: Turn, answer: Whole) -> Response:
        """The answer as one body."""
        run = self._start(caller, asked, turn)
        try:
            with self._judging(caller):
                while not run.finished:
                    answer.add(run.pull())
            return raw_reply(answer.body())
        finally:
            run.close(answer)
            self._services.metrics.in_flight.dec()

    def streamed(self, caller: Caller, asked: ChatRequest, turn: Turn, stream: Stream) -> Response:
        """The answer as server-sent events."""
        run = self._start(caller, asked, turn)
        body = StreamBody(
            run,
            stream,
            outlet=SocketOutlet.of(request.environ),
            told=present().told,
            heartbeat=self._settings.gateway_heartbeat_seconds,
            monotonic=self._services.monotonic,
            on_close=partial(self._close, run),
        )
        with self._judging(caller), ExitStack() as undo:
            undo.callback(body.close)
            if stream.holds_status:
                body.begin(PATIENCE)
            undo.pop_all()
        run.entry.streaming = True
        return StreamReply(body)

    def _start(self, caller: Caller, asked: ChatRequest, turn: Turn) -> Run:
        services = self._services
        named = named_by(caller, services, asked.model, self._settings.kimi_model_aliases)
        narrowed = asked.narrow(named, in_chat=turn.is_named)
        selection = fitting(narrowed, asked.read, breathe)
        if caller.pool is not None:
            selection = along_own(selection, caller.accounts, caller.pool.usable, randrange)
        peer = _peer()
        chat = asked.chat(selection, continuations=self._settings.kimi_continuations)
        place = self._enter(caller)
        with ExitStack() as undo:
            undo.callback(place.leave, None)
            completion = services.completions.start(selection, chat, turn)
            undo.pop_all()
        services.metrics.in_flight.inc()
        served = present().teller(SERVED)
        if caller.is_proven:
            served()
        clock, of = services.monotonic, entry()
        return Run(completion, of, peer=peer, drain=services.drain, monotonic=clock, place=place, leased=served)

    def _enter(self, caller: Caller) -> Place:
        """A place for the request, whose answer tells how the key stands. Raises `LimitReached`."""
        asking, services = present(), self._services
        try:
            place = services.gate.enter(caller)
        except LimitReached as reached:
            asking.takes(Place(reached.standings), services.monotonic())
            raise
        asking.takes(place, services.monotonic())
        return place

    @contextmanager
    def _judging(self, caller: Caller) -> Iterator[None]:
        """Raises `UnknownKey` for one whose own accounts have all turned out to be dead meanwhile."""
        try:
            yield
        except (NoAccount, AccountError):
            if caller.is_private:
                authenticate(self._services.keys)
            raise

    def _close(self, run: Run) -> None:
        self._services.metrics.in_flight.dec()
        if run.entry.streaming:
            self._journal.write(run.entry, self._services.monotonic())


def _peer() -> Peer:
    sock = request.environ.get("gunicorn.socket")
    return UnknownPeer() if sock is None else SocketPeer(sock)
