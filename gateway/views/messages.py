"""`POST /v1/messages` and `POST /v1/messages/count_tokens`, for clients of Anthropic's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from gateway.auth import Caller
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.surfaces.chat_request import ChatRequest, understand
from gateway.surfaces.json_body import json_object
from gateway.surfaces.messages.models import served
from gateway.surfaces.messages.request import Question, as_chat
from gateway.surfaces.messages.stream import MessageStream
from gateway.surfaces.messages.whole import MessageAnswer
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from gateway.views.answering import Answering
from gateway.views.bodies import body_of
from gateway.views.replies import json_reply
from gateway.views.requests import authenticate, present, seen_by


def blueprint(settings: GatewaySettings, services: Services) -> Blueprint:
    """Anthropic's Messages."""
    views = Blueprint("messages", __name__)
    answering = Answering(settings, services)

    def read(caller: Caller) -> Mapping[str, Any]:
        return json_object(body_of(caller, services, settings.max_body_bytes))

    def understood(caller: Caller, question: Question, *, to_count: bool = False) -> ChatRequest:
        """What is asked, of the model that is meant; or nothing is asked of it, and the words are `to_count`."""
        asking = present()
        asking.told = question.places.told
        asked = understand(question.body)
        asking.wants(question.model, stream=None if to_count else asked.stream)
        routes = seen_by(caller, services).routes
        model = served(asked.model, settings.kimi_claude_model, routes, settings.kimi_model_aliases)
        return replace(asked, model=model)

    @views.post("/v1/messages")
    def messages() -> Response:
        caller = authenticate(services.keys)
        question = as_chat(read(caller))
        asked = understood(caller, question)
        identity = Identity(id=f"msg_{services.new_id()}", created=int(services.clock()), model=question.model)
        turn, tally = asked.turn(caller.scope, identity.id), Tally(asked.read)
        if asked.stream:
            stream = MessageStream(identity, tally, question.places, thinking=question.thinking)
            return answering.streamed(caller, asked, turn, stream)
        return answering.whole(caller, asked, turn, MessageAnswer(identity, tally, thinking=question.thinking))

    @views.post("/v1/messages/count_tokens")
    def count_tokens() -> Response:
        caller = authenticate(services.keys)
        asked = understood(caller, as_chat(read(caller), purpose="count"), to_count=True)
        return json_reply({"input_tokens": Tally(asked.read).prompt})

    return views
