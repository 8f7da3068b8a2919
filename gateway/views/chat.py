"""`POST /v1/chat/completions`, and `POST /chat/kimi` for an EventSource."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.surfaces.chat_completions import ChatAnswer, ChatStream
from gateway.surfaces.chat_request import parse
from gateway.surfaces.event_source import TextStream, most_bytes, question
from gateway.surfaces.old_calls import OldChatAnswer, OldChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from gateway.views.answering import Answering
from gateway.views.bodies import body_of
from gateway.views.requests import authenticate, present


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """The chat surfaces."""
    views = Blueprint("chat", __name__)
    answering = Answering(settings, services)
    views.add_url_rule("/v1/chat/completions", "completions", completions(settings, services), methods=("POST",))

    @views.post("/chat/kimi")
    def text() -> Response:
        caller = authenticate(services.keys)
        asking = present()
        kind = asking.headers.get("Content-Type", "")
        raw = body_of(caller, services, most_bytes(kind, settings.max_body_bytes))
        asked = question(raw, kind, asking.args)
        asking.wants(asked.model, stream=asked.stream)
        turn = asked.turn(caller.scope, "")
        return answering.streamed(caller, asked, turn, TextStream(Tally(asked.messages)))

    return views


def completions(settings: GatewaySettings, services: Services) -> Callable[[], Response]:
    """The view of chat completions for those whom `services.keys` lets in."""
    answering = Answering(settings, services)

    def view() -> Response:
        caller = authenticate(services.keys)
        asking = present()
        asked = parse(body_of(caller, services, settings.max_body_bytes))
        asking.wants(asked.model, stream=asked.stream)
        identity = Identity(
            id=asked.answer_id(f"chatcmpl-{services.new_id()}"), created=int(services.clock()), model=asked.model
        )
        turn = asked.turn(caller.scope, identity.id)
        tally = Tally(asked.read)
        if asked.stream:
            made = OldChatStream if asked.old_calls else ChatStream
            return answering.streamed(caller, asked, turn, made(identity, tally, include_usage=asked.include_usage))
        whole = OldChatAnswer if asked.old_calls else ChatAnswer
        return answering.whole(caller, asked, turn, whole(identity, tally))

    return view
