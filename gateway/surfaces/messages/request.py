"""A body of `POST /v1/messages` as one of chat completions, which is what all the rest understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gateway.errors import BadRequest
from gateway.surfaces.fields import flag, model_of
from gateway.surfaces.limits import LONGEST_STOP, MOST_STOPS
from gateway.surfaces.messages.thinking import Shown, thinking
from gateway.surfaces.messages.tools import offers
from gateway.surfaces.messages.turns import Turns
from gateway.surfaces.places import Places

_AS_THEY_ARE: Final = ("temperature", "top_p")
_PLACES: Final[Mapping[str, str]] = {
    "stop": "stop_sequences",
    "use_search": "tools",
    "reasoning_effort": "output_config.effort",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
}
"""Fields of chat completions, and those of ours that they are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client asks: the body of chat completions that asks the same, and what that cannot say.

    `model` is the name that the client has for it. `places` finds what is wrong with `body` in the client's own.
    """

    model: str
    body: Mapping[str, Any] = field(repr=False)
    places: Places = field(repr=False)
    thinking: Shown


def as_chat(body: Mapping[str, Any], *, purpose: Literal["answer", "count"] = "answer") -> Question:
    """What `body` asks; only for an answer it needs `max_tokens`.

    Fields that nobody here knows are left alone, and so is all that is said of caches. Raises `BadRequest`.
    """
    model = model_of(body)
    if purpose == "answer" and body.get("max_tokens") is None:
        raise BadRequest("`max_tokens` has to be set.", param="max_tokens")
    if body.get("mcp_servers"):
        raise BadRequest("MCP servers are not called from here: offer their tools as your own.", param="mcp_servers")
    turns = Turns()
    turns.instruct(body.get("system"))
    turns.read(body.get("messages"))
    offered = offers(body)
    wishes, shown = thinking(body, offered)
    said: dict[str, Any] = {name: body[name] for name in _AS_THEY_ARE if body.get(name) is not None}
    if body.get("max_tokens") is not None:
        said["max_tokens"] = body["max_tokens"]
    if stops := _stops(body.get("stop_sequences")):
        said["stop"] = stops
    form, form_places = _form(body)
    return Question(
        model=model,
        body={
            "model": model,
            "messages": turns.messages,
            "stream": flag(body, "stream"),
            **said,
            **form,
            **wishes,
            **offered.fields,
        },
        places=Places({**_PLACES, **turns.places, **offered.places, **form_places}),
        thinking=shown,
    )


def _stops(value: object) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise BadRequest("`stop_sequences` has to be a list of texts.", param="stop_sequences")
    if len(value) > MOST_STOPS or any(len(text) > LONGEST_STOP for text in value):
        raise BadRequest(
            f"`stop_sequences` can hold {MOST_STOPS} texts of {LONGEST_STOP} characters each at the most.",
            param="stop_sequences",
        )
    return value


def _form(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The field for the JSON that the answer has to be, and what its parts were made of.

    It stood in `output_format` before it got its present place.
    """
    config = body.get("output_config")
    if config is not None and not isinstance(config, Mapping):
        raise BadRequest("`output_config` has to be an object.", param="output_config")
    form, where = (config or {}).get("format"), "output_config.format"
    if form is None:
        form, where = body.get("output_format"), "output_format"
    if form is None:
        return {}, {}
    if not isinstance(form, Mapping) or form.get("type") != "json_schema":
        raise BadRequest("`type` has to be `json_schema`.", param=f"{where}.type")
    schema = form.get("schema")
    if not isinstance(schema, Mapping):
        raise BadRequest("`schema` has to be a JSON schema, which is an object.", param=f"{where}.schema")
    wished = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    return {"response_format": wished}, {"response_format": where, "response_format.json_schema": where}
