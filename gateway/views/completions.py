"""`POST /v1/completions`."""

from __future__ import annotations

from flask import Blueprint, Response

from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.surfaces.chat_request import understand
from gateway.surfaces.completions import PLACES, CompletionAnswer, CompletionStream, as_chat
from gateway.surfaces.json_body import json_object
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from gateway.views.answering import Answering
from gateway.views.bodies import body_of
from gateway.views.requests import authenticate, present


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """OpenAI's former completions."""
    views = Blueprint("completions", __name__)
    answering = Answering(settings, services)

    @views.post("/v1/completions")
    def completions() -> Response:
        caller = authenticate(services.keys)
        asking = present()
        asking.told = PLACES.told
        asked = understand(as_chat(json_object(body_of(caller, services, settings.max_body_bytes))))
        asking.wants(asked.model, stream=asked.stream)
        identity = Identity(
            id=asked.answer_id(f"cmpl-{services.new_id()}"), created=int(services.clock()), model=asked.model
        )
        turn = asked.turn(caller.scope, identity.id)
        tally = Tally(asked.read)
        if asked.stream:
            stream = CompletionStream(identity, tally, include_usage=asked.include_usage)
            return answering.streamed(caller, asked, turn, stream)
        return answering.whole(caller, asked, turn, CompletionAnswer(identity, tally))

    return views
