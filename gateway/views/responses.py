"""`POST /v1/responses` and `POST /v1/responses/input_tokens`.

Nothing is kept of a response but the chat that it came from, so there is none to be got.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from gateway.auth import Caller
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.surfaces.json_body import json_object
from gateway.surfaces.responses.envelope import Envelope
from gateway.surfaces.responses.output import Output
from gateway.surfaces.responses.rendering import ResponseAnswer, ResponseStream
from gateway.surfaces.responses.request import Question, as_chat
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from gateway.turn import Turn
from gateway.views.answering import Answering
from gateway.views.bodies import body_of
from gateway.views.replies import json_reply
from gateway.views.requests import authenticate, present


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """OpenAI's Responses."""
    views = Blueprint("responses", __name__)
    answering = Answering(settings, services)

    def read(caller: Caller) -> tuple[Mapping[str, Any], Question]:
        body = json_object(body_of(caller, services, settings.max_body_bytes))
        question = as_chat(body)
        present().told = question.told
        return body, question

    @views.post("/v1/responses")
    def respond() -> Response:
        caller = authenticate(services.keys)
        body, question = read(caller)
        asked, asking = question.understood(), present()
        asking.wants(asked.model, stream=asked.stream)
        stem = services.new_id()
        identity = Identity(id=f"resp_{stem}", created=int(services.clock()), model=asked.model)
        answer = identity.id if question.is_kept else ""
        turn = Turn(scope=caller.scope, answer=answer, follows=question.follows)
        envelope = Envelope(identity, body, question, clock=services.clock)
        output = Output(stem, question.tools, Tally(asked.read))
        if asked.stream:
            return answering.streamed(caller, asked, turn, ResponseStream(envelope, output, question.told))
        return answering.whole(caller, asked, turn, ResponseAnswer(envelope, output))

    @views.post("/v1/responses/input_tokens")
    def input_tokens() -> Response:
        asked = read(authenticate(services.keys))[1].understood()
        present().wants(asked.model)
        return json_reply({"object": "response.input_tokens", "input_tokens": Tally(asked.read).prompt})

    return views
