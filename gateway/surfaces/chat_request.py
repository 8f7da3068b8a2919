"""A body of `POST /v1/chat/completions`, understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.forms.telling import spoken as told_of
from gateway.surfaces.content import conversation
from gateway.surfaces.fields import flag, id_in, model_of
from gateway.surfaces.hints import effort, search
from gateway.surfaces.json_body import json_object
from gateway.surfaces.limits import limits
from gateway.surfaces.response_format import form
from gateway.surfaces.tools import is_old, tools
from gateway.tools.telling import spoken
from gateway.turn import Turn
from kimi.accounts import Kind
from kimi.chat import Chat, Effort, Feature, Form, Limits, Message, Tools
from kimi.models import Selection

NEW_CONVERSATION: Final = "none"
_PLAIN: Final = frozenset(
    {
        *("model", "messages", "stream"),
        # What is only passed on to the official platform, with the rest of the body
        *("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "seed", "user"),
    }
)
"""Most requests have no other fields, and those that are missing need not be looked for one by one."""
_NO_SEARCH: Final = "This model cannot search the web here: that needs an account of the web chat."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a client asks for.

    `beyond_web` says why accounts of the web chat cannot serve it; where it is set, an official key has to.
    An official key serves `tools` better than they can, and so it does where `form` has a schema.
    `old_calls` says that the client knows `function_call` only.
    `search` is None where the body says nothing of it, and the model's name has the word.
    `conversation` is the id of the conversation that it goes on with, or `none` for the first question of one.
    """

    model: str
    messages: tuple[Message, ...]
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    include_usage: bool = False
    effort: Effort | None = None
    search: bool | None = None
    limits: Limits = field(default_factory=Limits)
    conversation: str = ""
    tools: Tools | None = None
    old_calls: bool = False
    form: Form | None = None
    beyond_web: BadRequest | None = None

    def narrow(self, selection: Selection, *, in_chat: bool = False) -> Selection:
        """`selection` with all features asked for, along the routes that serve this request best.

        `in_chat` says that only an account that keeps chats will do, where there is one. Raises `BadRequest` where none
        can serve it.
        """
        if self.search is None and not self._suits_official and self.beyond_web is None:
            return selection
        features = selection.features if self.search is None else selection.features - {Feature.SEARCH}
        if self.search:
            features |= {Feature.SEARCH}
        routes, otherwise = self._best_of(selection.routes, in_chat=in_chat)
        # OpenAI's own field reaches the platform with the rest of the body; ours would be lost on the way.
        if self.search and self.body.get("use_search") is not None and routes == _official(routes):
            raise BadRequest(_NO_SEARCH, param="use_search")
        return replace(selection, features=features, routes=routes, otherwise=otherwise)

    def _best_of(self, routes: tuple[str, ...], *, in_chat: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Along which of `routes` to ask, and along which others where nobody there can be had."""
        official = _official(routes)
        web = tuple(route for route in routes if route not in official)
        if self.beyond_web:
            if not official:
                raise self.beyond_web
            return official, ()
        if self.search or in_chat:
            return web or official, ()
        return (official, web) if official and self._suits_official else (routes, ())

    @property
    def _suits_official(self) -> bool:
        return (
            bool(self.body.get("tools"))
            or self.tools is not None
            or (self.form is not None and self.form.schema is not None)
        )

    @property
    def read(self) -> tuple[Message, ...]:
        """All that the model has to read, tools and the form of its answer included."""
        return spoken(told_of(self.messages, self.form, self.tools), self.tools)

    def answer_id(self, new: str) -> str:
        """The id of the answer: that of its conversation where that goes on, and `new` otherwise."""
        return self.conversation if self.conversation not in ("", NEW_CONVERSATION) else new

    def turn(self, scope: str, answer_id: str) -> Turn:
        """What this is in the conversations of `scope`. One that begins here is known by the id of its first answer."""
        return Turn(
            scope=scope,
            name=answer_id if self.conversation else "",
            begins=self.conversation == NEW_CONVERSATION,
        )

    def chat(self, selection: Selection, *, continuations: int = 0) -> Chat:
        """The question in no dialect at all."""
        return Chat(
            model=selection.base,
            messages=self.messages,
            features=selection.features,
            effort=self.effort,
            limits=self.limits,
            continuations=continuations,
            tools=self.tools,
            form=self.form,
            body=self.body,
        )


def parse(raw: bytes) -> ChatRequest:
    """The request behind the bytes of a body. Raises `BadRequest`."""
    return understand(json_object(raw))


def understand(body: Mapping[str, Any]) -> ChatRequest:
    """The request behind a body. Fields that nobody here knows are left alone. Raises `BadRequest`."""
    model = model_of(body)
    talk = conversation(body.get("messages"))
    if body.keys() <= _PLAIN and talk.beyond_web is None:
        return ChatRequest(model=model, messages=talk.messages, body=body, stream=flag(body, "stream"))
    _one_answer(body)
    shape, broken = _form(body)
    offered, unusable = _tools(body)
    return ChatRequest(
        model=model,
        messages=talk.messages,
        body=body,
        stream=flag(body, "stream"),
        include_usage=_include_usage(body),
        effort=effort(body),
        search=search(body),
        limits=limits(body),
        conversation=id_in(body, "conversation_id", "`none` or the id of an answer"),
        tools=offered,
        old_calls=is_old(body),
        form=shape,
        beyond_web=talk.beyond_web or unusable or broken,
    )


def _official(routes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(route for route in routes if route.startswith(f"{Kind.MOONSHOT}:"))


def _include_usage(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise BadRequest("`stream_options` has to be an object.", param="stream_options")
    return flag(options, "include_usage", where="stream_options.")


def _form(body: Mapping[str, Any]) -> tuple[Form | None, BadRequest | None]:
    """The form of the answer, or what is wrong with it: the official platform may take what is wrong here."""
    try:
        return form(body), None
    except BadRequest as error:
        return None, error


def _tools(body: Mapping[str, Any]) -> tuple[Tools | None, BadRequest | None]:
    """The tools that are offered, or what is wrong with them: the same holds."""
    try:
        return tools(body), None
    except BadRequest as error:
        return None, error


def _one_answer(body: Mapping[str, Any]) -> None:
    if body.get("n") is not None and body["n"] != 1:
        raise BadRequest("There is one answer to a request: `n` has to be 1.", param="n")
