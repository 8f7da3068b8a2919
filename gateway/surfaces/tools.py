"""The tools of a request, and the calls in its messages, in all the spellings of chat completions.

The old one is `functions` and `function_call`; calls had no ids then, so they get one from their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from gateway.errors import BadRequest
from gateway.schemas import read_all
from gateway.surfaces.fields import choice as truth
from kimi.chat import Call, Choice, Tool, Tools

MOST_TOOLS: Final = 512
MOST_LISTED: Final = 10_000
"""Of all that a client has, most of which the model does not know of yet: so many Anthropic takes."""
MOST_BYTES: Final = 1024 * 1024
"""Of all tools together, as compact JSON: nothing else is done while a worker reads their schemas."""
_NAME: Final = re.compile(r"[\w.:/-]{1,128}")
_NO_OBJECT: Final = ("array", "boolean", "integer", "null", "number", "string")
_WORDS: Final[Mapping[str, Choice]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
    "validated": "auto",
}


def tools(body: Mapping[str, Any]) -> Tools | None:
    """What a request offers; None where that is nothing. Raises `BadRequest`."""
    old = is_old(body)
    field = "functions" if old else "tools"
    offered = _offered(body.get(field), field, old=old)
    wished = body.get("tool_choice")
    chosen, where = (body.get("function_call"), "function_call") if wished is None else (wished, "tool_choice")
    offered, choice, name = _chosen(chosen, where, offered)
    if not offered:
        return None
    is_parallel = truth(body, "parallel_tool_calls") is not False and not old
    return Tools(offered, choice, name, is_parallel)


def is_old(body: Mapping[str, Any]) -> bool:
    """Whether the client knows the old spelling only."""
    return body.get("tools") is None and body.get("functions") is not None


def calls(item: Mapping[str, Any], where: str) -> tuple[Call, ...]:
    """The calls that a turn of the assistant has made. `where` is its place. Raises `BadRequest`."""
    made = item.get("tool_calls")
    if made is None:
        old = item.get("function_call")
        return () if old is None else (_call(old, old_id(where), f"{where}.function_call"),)
    if not isinstance(made, list):
        raise BadRequest("`tool_calls` has to be a list of calls.", param=f"{where}.tool_calls")
    return tuple(_new_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(made))


def old_id(where: str) -> str:
    """The id of a call that has none, by the place of its message."""
    return f"call_of_{where}"


def _new_call(call: object, where: str) -> Call:
    if not isinstance(call, Mapping):
        raise BadRequest("A call has to be an object with a `function`.", param=where)
    call_id = call.get("id")
    if call_id is not None and not isinstance(call_id, str):
        raise BadRequest("`id` has to be a text.", param=f"{where}.id")
    return _call(call.get("function"), call_id or old_id(where), f"{where}.function")


def _call(function: object, call_id: str, where: str) -> Call:
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRequest("A call has to name its function.", param=f"{where}.name")
    arguments = function.get("arguments")
    if arguments is None:
        arguments = "{}"
    elif isinstance(arguments, Mapping):  # some clients forget to write it as a text
        arguments = orjson.dumps(arguments).decode()
    elif not isinstance(arguments, str):
        raise BadRequest("`arguments` has to be a text that holds JSON.", param=f"{where}.arguments")
    return Call(call_id, name, arguments)


def _offered(value: object, field: str, *, old: bool) -> tuple[Tool, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadRequest(f"`{field}` has to be a list.", param=field)
    if len(value) > MOST_TOOLS:
        raise BadRequest(f"`{field}` can hold {MOST_TOOLS} at the most.", param=field)
    if len(orjson.dumps(value)) > MOST_BYTES:
        raise BadRequest(f"`{field}` can have {MOST_BYTES} bytes at the most.", param=field)
    offered: dict[str, Tool] = {}
    for index, item in enumerate(value):
        where = f"{field}[{index}]"
        tool = _tool(item, where) if old else _new_tool(item, where)
        if tool.name in offered:
            raise BadRequest("There is another tool of this name.", param=where)
        offered[tool.name] = tool
    inner = "parameters" if old else "function.parameters"
    read_all((tool.parameters, f"{field}[{index}].{inner}") for index, tool in enumerate(offered.values()))
    return tuple(offered.values())


def _new_tool(item: object, where: str) -> Tool:
    kind = item.get("type", "function") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or kind != "function":
        raise BadRequest("This model takes tools of the type `function` only.", param=f"{where}.type")
    return _tool(item.get("function"), f"{where}.function")


def _tool(function: object, where: str) -> Tool:
    if not isinstance(function, Mapping):
        raise BadRequest("A tool has to be an object with a `function`.", param=where)
    name, description = function.get("name"), function.get("description")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRequest("`name` has to be 1 to 128 letters, digits or any of _.:/-", param=f"{where}.name")
    if description is not None and not isinstance(description, str):
        raise BadRequest("`description` has to be a text.", param=f"{where}.description")
    parameters = function.get("parameters")
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, Mapping):
        raise BadRequest("`parameters` has to be a JSON schema.", param=f"{where}.parameters")
    if parameters.get("type", "object") in _NO_OBJECT:
        raise BadRequest("`parameters` has to be the schema of an object.", param=f"{where}.parameters.type")
    return Tool(name, description or "", parameters)


def _chosen(value: object, where: str, offered: Sequence[Tool]) -> tuple[tuple[Tool, ...], Choice, str]:
    """Which of the tools may be called, whether one must be, and which."""
    kind = value.get("type") if isinstance(value, Mapping) else value
    if kind is None and isinstance(value, Mapping) and "name" in value:  # the old form of a named one
        kind = "function"
    if isinstance(value, Mapping) and kind == "allowed_tools":
        return _allowed(value.get("allowed_tools", value), where, offered)
    if isinstance(value, Mapping) and kind in ("function", "tool"):
        name = _named(value)
        if name not in {tool.name for tool in offered}:
            raise BadRequest(f"`{where}` has to name one of the tools.", param=where)
        return tuple(offered), "named", name
    choice: Choice | None = "auto" if value is None else _WORDS.get(kind) if isinstance(kind, str) else None
    if choice is None:
        raise BadRequest(f"`{where}` has to be one of {', '.join(_WORDS)}, or name a function.", param=where)
    if choice == "required" and not offered:
        raise BadRequest(f"`{where}` wants a tool to be called, and there is none.", param=where)
    return tuple(offered), choice, ""


def _allowed(value: object, where: str, offered: Sequence[Tool]) -> tuple[tuple[Tool, ...], Choice, str]:
    listed = value.get("tools") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(listed, list):
        raise BadRequest(f"`{where}.tools` has to be a list of tools.", param=where)
    names = {_named(each) for each in listed if isinstance(each, Mapping)}
    if not names <= {tool.name for tool in offered}:
        raise BadRequest(f"`{where}.tools` has to name tools of the request.", param=where)
    allowed = tuple(tool for tool in offered if tool.name in names)
    return _chosen(value.get("mode"), where, allowed)


def _named(value: Mapping[str, Any]) -> str:
    function = value.get("function")
    name = function.get("name") if isinstance(function, Mapping) else value.get("name")
    return name if isinstance(name, str) else ""
