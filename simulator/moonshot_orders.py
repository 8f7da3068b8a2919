"""What a request to the official platform asks for, and what that makes of the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from simulator.answers import Script, cut_at
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
    *earlier, last = messages
    system = "\n".join(text_of(message) for message in earlier if message["role"] == "system")
    turns = tuple(f"{message['role']}:{text_of(message)}" for message in earlier if message["role"] != "system")
    return Reading(
        prompt=text_of(last), history=turns, system=system, files=_parts(last, "file"), images=_parts(last, "image_url")
    )


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


def order_of(call: Call, body: dict[str, Any], prompt_tokens: int, finish: str) -> Order:
    """The answer that is asked for. Raises Refusal."""
    thinking, options = body.get("thinking") or {}, body.get("stream_options") or {}
    if not isinstance(thinking, dict) or not isinstance(options, dict):
        raise Refusal("invalid", "thinking, stream_options")
    text = text_of(body["messages"][-1])
    model, tool = str(body["model"]), _called(call, body, text)
    return Order(
        model=model,
        prompt_tokens=prompt_tokens,
        thinks=model not in SILENT_MODELS and thinking.get("type") != "disabled",
        include_usage=bool(options.get("include_usage")),
        tool=tool,
        arguments=orjson.dumps({"query": text}).decode() if tool else "",
        finish=finish,
    )


def _called(call: Call, body: dict[str, Any], text: str) -> str | None:
    """The tool that is called: the one that the prompt names, or that `tool_choice` demands."""
    names = [str((tool.get("function") or {}).get("name")) for tool in call.objects("tools")]
    choice = body.get("tool_choice")
    if not names or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    if isinstance(choice, dict):
        return str(choice.get("function", {}).get("name"))
    if choice == "required":
        return names[0]
    return next((name for name in names if name in text), None)


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
    last = body["messages"][-1]
    if last["role"] == "assistant":
        if not last.get("partial"):
            raise Refusal("invalid", "the last message is an assistant's")
        return f"…{text}"  # goes on where the message stops, and does not repeat it
    return text if form == "text" else orjson.dumps({"answer": text}).decode()


def _first_tokens(text: str, limit: int) -> str:
    end = 0
    while end < len(text) and count(text[: end + 1]) <= limit:
        end += 1
    return text[:end]
