"""`POST /v1/responses` and `POST /v1/responses/input_tokens`.

Nothing is kept of a response but the chat that it came from, so there is none to be got.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from gateway.body import read_body
from gateway.breathing import breathe
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
from gateway.views.replies import json_reply
from gateway.views.requests import authenticate, present


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """OpenAI's Responses."""
    views = Blueprint("responses", __name__)
    answering = Answering(settings, services)

    def read() -> tuple[Mapping[str, Any], Question]:
        asking = present()
        body = json_object(read_body(asking.environ, settings.max_body_bytes))
        question = as_chat(body)
        asking.told = question.told
        return body, question

    @views.post("/v1/responses")
    def respond() -> Response:
        caller = authenticate(services.keys)
        body, question = read()
        asked, asking = question.understood(), present()
        asking.wants(asked.model, stream=asked.stream)
        stem = services.new_id()
        identity = Identity(id=f"resp_{stem}", created=int(services.clock()), model=asked.model)
        answer = identity.id if question.is_kept else ""
        turn = Turn(scope=caller.scope, answer=answer, follows=question.follows)
        envelope = Envelope(identity, body, question, clock=services.clock)
        output = Output(stem, question.tools, Tally(asked.read, breathe))
        if asked.stream:
            return answering.streamed(caller, asked, turn, ResponseStream(envelope, output, question.told))
        return answering.whole(caller, asked, turn, ResponseAnswer(envelope, output))

    @views.post("/v1/responses/input_tokens")
    def input_tokens() -> Response:
        authenticate(services.keys)
        asked = read()[1].understood()
        present().wants(asked.model)
        return json_reply({"object": "response.input_tokens", "input_tokens": Tally(asked.read, breathe).prompt})

    return views
