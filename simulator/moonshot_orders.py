"""What a request to the official platform asks for, and what that makes of the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from simulator.answers import Script, cut_at, directive, without_directive
from simulator.calling import Offer, Wish, round_after, sample, wishes
from simulator.desk import Call
from simulator.moonshot_play import Order, count
from simulator.reading import Reading
from simulator.reasons import Refusal

SILENT_MODELS = frozenset({"kimi-k2.7-code"})  # do not think
_ROLES = frozenset({"system", "user", "assistant", "tool"})
_FORMS = frozenset({"text", "json_object", "json_schema"})


def reading_of(messages: list[dict[str, Any]]) -> Reading:
    """The last message and all that came with it, and what was said before. Raises Refusal."""
    if not messages or not all(message.get("role") in _ROLES for message in messages):
        raise Refusal("invalid", "messages")
    last = last_of(messages)
    earlier = [message for message in messages if message is not last]
    system = "\n".join(text_of(message) for message in earlier if message["role"] == "system")
    turns = tuple(f"{message['role']}:{text_of(message)}" for message in earlier if message["role"] != "system")
    return Reading(
        prompt=text_of(last), history=turns, system=system, files=_parts(last, "file"), images=_parts(last, "image_url")
    )


def last_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that is answered: the system's words may come behind it."""
    return next((message for message in reversed(messages) if message.get("role") != "system"), messages[-1])


def _parts(message: dict[str, Any], kind: str) -> tuple[str, ...]:
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return tuple(_name(part.get(kind)) for part in parts if part.get("type") == kind)


def _name(content: object) -> str:
    """What a part with a file or an image in it is called in an answer. Raises Refusal."""
    if isinstance(content, str) and content:
        return content[:40]
    if isinstance(content, dict):
        value = content.get("url") or content.get("filename") or content.get("file_id")
        if isinstance(value, str) and value:
            return value[:40]
    raise Refusal("invalid", "a part without its content")


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, parts or not."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def order_of(call: Call, body: dict[str, Any], script: Script, prompt_tokens: int, finish: str) -> Order:
    """The answer that is asked for. Raises Refusal."""
    thinking, options = body.get("thinking") or {}, body.get("stream_options") or {}
    if not isinstance(thinking, dict) or not isinstance(options, dict):
        raise Refusal("invalid", "thinking, stream_options")
    if thinking and body.get("reasoning_effort") is not None:
        raise Refusal("invalid", "cannot specify both 'thinking' and 'reasoning_effort'")
    model, choice = str(body["model"]), body.get("tool_choice")
    thinks = model not in SILENT_MODELS and thinking.get("type") != "disabled"
    if thinks and not model.startswith("kimi-k3") and (choice == "required" or isinstance(choice, dict)):
        raise Refusal("invalid", "tool_choice is incompatible with thinking enabled")
    for index, message in enumerate(body["messages"]):
        if thinks and message.get("tool_calls") and not message.get("reasoning_content"):
            raise Refusal("invalid", f"reasoning_content is missing in assistant tool call message at index {index}")
    return Order(
        model=model,
        prompt_tokens=prompt_tokens,
        thinks=thinks,
        include_usage=bool(options.get("include_usage")),
        calls=_called(call, body, script),
        finish=finish,
    )


def _called(call: Call, body: dict[str, Any], script: Script) -> tuple[Wish, ...]:
    """The tools that are called: those of the script, the one that the prompt names, or that `tool_choice` demands."""
    functions = [tool.get("function") or {} for tool in call.objects("tools")]
    offers = [Offer(str(one.get("name")), one.get("parameters") or {}) for one in functions]
    choice, messages = body.get("tool_choice"), body["messages"]
    if choice == "none":
        return ()
    results = _results(messages)
    if results and call.world.settings.directives:
        asked = next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")
        scripted = round_after(directive(asked).get("calls", ()), results)
        return wishes(scripted, offers, "", must=False)
    if results:
        return ()
    last = last_of(messages)
    named = str(choice.get("function", {}).get("name")) if isinstance(choice, dict) else ""
    prompt = without_directive(text_of(last))
    return wishes(round_after(script.calls, 0), offers, prompt, must=choice == "required", named=named)


def _results(messages: list[dict[str, Any]]) -> int:
    """How many results of tools there are since the user spoke."""
    roles = [message.get("role") for message in messages]
    return roles[max((n for n, role in enumerate(roles) if role == "user"), default=0) :].count("tool")


def fitted(script: Script, body: dict[str, Any]) -> tuple[Script, str]:
    """The script in the form that is asked for, no longer than that, and the reason for which it ends."""
    text = _shaped(script.text, body)
    stop = body.get("stop") or []
    ended = cut_at(text, [stop] if isinstance(stop, str) else list(stop))
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if isinstance(limit, int) and count(ended) > limit:
        return replace(script, text=_first_tokens(ended, limit)), "length"
    return replace(script, text=ended), "stop"


def _shaped(text: str, body: dict[str, Any]) -> str:
    form = (body.get("response_format") or {}).get("type", "text")
    if form not in _FORMS:
        raise Refusal("invalid", "response_format")
    last = last_of(body["messages"])
    if last["role"] == "assistant":
        if not last.get("partial"):
            raise Refusal("invalid", "the last message is an assistant's")
        return f"…{text}"  # goes on where the message stops, and does not repeat it
    return text if form == "text" or _is_object(text) else orjson.dumps(_object(body["response_format"], text)).decode()


def _is_object(text: str) -> bool:
    return text.lstrip().startswith("{")


def _object(form: dict[str, Any], text: str) -> Any:
    schema = (form.get("json_schema") or {}).get("schema")
    return sample(schema, text) if schema else {"answer": text}


def _first_tokens(text: str, limit: int) -> str:
    end = 0
    while end < len(text) and count(text[: end + 1]) <= limit:
        end += 1
    return text[:end]
