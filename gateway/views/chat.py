"""`POST /v1/chat/completions`."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from flask import Blueprint, Response, request

from gateway.body import read_body
from gateway.journal import Journal
from gateway.peer import Peer, SocketPeer, UnknownPeer
from gateway.run import TICK, Run
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.streaming import StreamBody
from gateway.surfaces.chat_completions import ChatAnswer, ChatStream
from gateway.surfaces.chat_request import ChatRequest, parse
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity, Stream, Whole
from gateway.views.replies import raw_reply
from gateway.views.requests import authenticate, entry
from kimi.models import select

PATIENCE: Final = 15.0
"""Seconds for which the status line is held back; a client waits for headers 60 s at the least."""
_STREAM_HEADERS: Final = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """The chat surface."""
    views = Blueprint("chat", __name__)
    journal = Journal(services.metrics)

    @views.post("/v1/chat/completions")
    def completions() -> Response:
        authenticate(services.keys)
        asked = parse(read_body(request.environ, settings.max_body_bytes))
        entry().model, entry().stream = asked.model, asked.stream
        identity = Identity(id=f"chatcmpl-{services.new_id()}", created=int(services.clock()), model=asked.model)
        tally = Tally(asked.messages)
        if asked.stream:
            return streamed(asked, ChatStream(identity, tally, include_usage=asked.include_usage))
        return whole(asked, ChatAnswer(identity, tally))

    def start(asked: ChatRequest) -> Run:
        selection = asked.narrow(select(asked.model, services.catalogue.lately().models))
        peer = _peer()
        completion = services.completions.start(selection, asked.chat(selection))
        services.metrics.in_flight.inc()
        return Run(completion, entry(), peer=peer, drain=services.drain, monotonic=services.monotonic)

    def whole(asked: ChatRequest, answer: Whole) -> Response:
        run = start(asked)
        try:
            while not run.finished:
                answer.add(run.pull(TICK))
            return raw_reply(answer.body())
        finally:
            run.close(answer)
            services.metrics.in_flight.dec()

    def streamed(asked: ChatRequest, stream: Stream) -> Response:
        run = start(asked)
        body = StreamBody(
            run,
            stream,
            heartbeat=settings.gateway_heartbeat_seconds,
            monotonic=services.monotonic,
            on_close=partial(close, run),
        )
        with ExitStack() as undo:
            undo.callback(body.close)
            body.begin(PATIENCE)
            undo.pop_all()
        run.entry.streaming = True
        return Response(
            body, content_type="text/event-stream; charset=utf-8", headers=_STREAM_HEADERS, direct_passthrough=True
        )

    def close(run: Run) -> None:
        services.metrics.in_flight.dec()
        if run.entry.streaming:
            journal.write(run.entry, services.monotonic())

    return views


def _peer() -> Peer:
    sock = request.environ.get("gunicorn.socket")
    return UnknownPeer() if sock is None else SocketPeer(sock)
