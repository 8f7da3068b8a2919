"""A body of `POST /v1/responses` as one of chat completions, which is what all the rest understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.problem import Problem
from gateway.surfaces.chat_request import ChatRequest, understand
from gateway.surfaces.fields import choice, id_in
from gateway.surfaces.places import Places
from gateway.surfaces.responses.tools import Toolbox
from gateway.surfaces.responses.turns import NO_ITEM, Turns

_AS_THEY_ARE: Final = (
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop", "user"),
    *("prompt_cache_key", "safety_identifier"),
    *("use_search", "thinking", "enable_thinking"),
)
_FIELDS: Final[Mapping[str, str]] = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "response_format.json_schema": "text.format",
    "web_search_options": "tools",
    "conversation_id": "previous_response_id",
}
_NOT_HERE: Final[Mapping[str, str]] = {
    "background": "Nothing goes on here when its client has left: `background` has to be false.",
    "conversation": "Conversations are not kept here under ids of their own: use `previous_response_id`.",
    "prompt": "Prompts are not kept here: send what they say.",
}
_GONE: Final = (
    "The response cannot be followed any more, or there is none of this id: send the whole input, with all that was "
    "said before, and no `previous_response_id`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client asks: the body of chat completions that asks the same, and what that cannot say.

    `follows` is the id of the response whose conversation goes on; where it is not named but an item of it, that stands
    at `referred`. `is_kept` says that this response may be followed.
    `tools` know what the functions of `chat` were made of, `places` where in the client's body its fields come from.
    """

    chat: Mapping[str, Any] = field(repr=False)
    tools: Toolbox = field(repr=False)
    places: Places = field(repr=False)
    follows: str = ""
    referred: str = ""
    is_kept: bool = True

    def understood(self) -> ChatRequest:
        """The same for all the rest, with the client's names for where its files stand. Raises `BadRequest`."""
        asked = understand(self.chat)
        messages = tuple(
            replace(each, attachments=tuple(replace(one, where=self.places.of(one.where)) for one in each.attachments))
            if each.attachments
            else each
            for each in asked.messages
        )
        return replace(asked, messages=messages)

    def told(self, problem: Problem) -> Problem:
        """A problem in the client's words."""
        if problem.code == "conversation_not_found":
            message, param = (NO_ITEM, self.referred) if self.referred else (_GONE, "previous_response_id")
            return replace(problem, message=message, code="previous_response_not_found", param=param)
        return self.places.told(problem)


def as_chat(body: Mapping[str, Any]) -> Question:
    """What `body` asks. Fields that nobody here knows are left alone. Raises `BadRequest`."""
    for name, why in _NOT_HERE.items():
        if body.get(name):
            raise BadRequest(why, param=name)
    tools = Toolbox()
    tools.offer(body.get("tools"), "tools")
    previous = id_in(body, "previous_response_id", "the id of a response")
    turns = Turns(tools, previous)
    turns.instruct(body.get("instructions"))
    turns.read(body.get("input"))
    chosen, must_search = tools.chosen(body.get("tool_choice"))
    demanded = {"use_search": "tool_choice"} if must_search else {}
    chat: dict[str, Any] = {
        "model": body.get("model"),
        "messages": turns.messages,
        "stream": body.get("stream"),
        **{name: body[name] for name in _AS_THEY_ARE if body.get(name) is not None},
    }
    wishes = {
        "max_completion_tokens": body.get("max_output_tokens"),
        "reasoning_effort": _inside(body, "reasoning").get("effort"),
        "response_format": _form(_inside(body, "text").get("format")),
        "tools": tools.functions or None,
        "tool_choice": chosen,
        "parallel_tool_calls": body.get("parallel_tool_calls") if tools.functions else None,
        "web_search_options": {} if tools.searches else None,
        "use_search": True if must_search else None,
    }
    chat |= {name: value for name, value in wishes.items() if value is not None}
    return Question(
        chat=chat,
        tools=tools,
        places=Places({**_FIELDS, **demanded, **tools.made, **turns.made}),
        follows=turns.follows,
        referred=turns.referred,
        is_kept=choice(body, "store") is not False,
    )


def _form(value: object) -> dict[str, Any] | None:
    """`text.format` as `response_format`."""
    if value is None:
        return None
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or kind not in ("text", "json_object", "json_schema"):
        raise BadRequest("`text.format.type` has to be text, json_object or json_schema.", param="text.format")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {name: said for name, said in value.items() if name != "type"}}


def _inside(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadRequest(f"`{name}` has to be an object.", param=name)
    return value
