"""Tools as Anthropic writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.surfaces.tools import MOST_LISTED

_SEARCH: Final = "web_search_"
"""Their types end in the day on which a version of them came out."""
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}


@dataclass(slots=True)
class Offers:
    """The fields of chat completions for what is offered, and what their parts were made of."""

    fields: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    @property
    def has_functions(self) -> bool:
        """Whether the client has tools that it runs itself."""
        return "tools" in self.fields

    @property
    def is_forced(self) -> bool:
        """Whether a call has to be made."""
        return self.fields.get("tool_choice", "auto") not in ("auto", "none")


def offers(body: Mapping[str, Any]) -> Offers:
    """The tools of a request. Kimi searches by itself; of what else Anthropic runs there is nothing here.

    Raises `BadRequest`.
    """
    found, functions, searching = Offers(), list[dict[str, Any]](), list[object]()
    tools = _listed(body.get("tools"))
    found_by_client = _found(body.get("messages")) if any(map(_is_deferred, tools)) else frozenset()
    for index, tool in enumerate(tools):
        where = f"tools.{index}"
        if not isinstance(tool, Mapping):
            raise BadRequest("A tool has to be an object.", param=where)
        kind = tool.get("type")
        if isinstance(kind, str) and kind.startswith(_SEARCH):
            searching.append(tool.get("name"))
            continue
        if kind not in (None, "custom"):
            raise BadRequest("Of Anthropic's own tools there is only `web_search` here.", param=f"{where}.type")
        function = _function(tool, where)
        if _is_deferred(tool) and function["name"] not in found_by_client:
            continue
        made = f"tools[{len(functions)}]"
        found.places |= {
            made: where,
            f"{made}.function": where,
            f"{made}.function.parameters": f"{where}.input_schema",
        }
        functions.append({"type": "function", "function": function})
    if searching:
        found.fields["use_search"] = True
    if functions:
        found.fields["tools"] = functions
    found.fields |= _choice(body.get("tool_choice"), [each["function"]["name"] for each in functions], searching)
    return found


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequest("`tools` has to be a list.", param="tools")
    if len(value) > MOST_LISTED:
        raise BadRequest(f"`tools` can hold {MOST_LISTED} at the most.", param="tools")
    return value


def _is_deferred(tool: object) -> bool:
    """Whether the model is to know of a tool only once the client has found it for it."""
    return isinstance(tool, Mapping) and tool.get("defer_loading") is True


def _found(messages: object) -> frozenset[str]:
    """The names of tools that the client has found so far, in results of its own search."""
    said = [message.get("content") for message in _mappings(messages)]
    results = [block.get("content") for content in said for block in _mappings(content)]
    names = (block.get("tool_name") for content in results for block in _mappings(content))
    return frozenset(name for name in names if isinstance(name, str))


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    return (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else iter(())


def _function(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    name, says, schema = tool.get("name"), tool.get("description"), tool.get("input_schema")
    if not isinstance(name, str) or not name:
        raise BadRequest("`name` has to be the name of the tool.", param=f"{where}.name")
    if says is not None and not isinstance(says, str):
        raise BadRequest("`description` has to be a text.", param=f"{where}.description")
    if not isinstance(schema, Mapping):
        raise BadRequest("`input_schema` has to be a JSON schema, which is an object.", param=f"{where}.input_schema")
    function: dict[str, Any] = {"name": name, "parameters": schema}
    if says:
        function["description"] = says
    if tool.get("strict") is True:
        function["strict"] = True
    return function


def _choice(value: object, names: list[str], searching: list[object]) -> dict[str, Any]:
    """The fields for `tool_choice`. A search that has to be made is as good as one that is only offered."""
    if value is None:
        return {}
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(kind, str) or kind not in _CHOICES:
        raise BadRequest(f"`tool_choice.type` has to be one of {', '.join(_CHOICES)}.", param="tool_choice.type")
    name = value.get("name")
    if kind == "tool" and name not in names and name not in searching:
        raise BadRequest("`tool_choice` has to name one of the tools that are offered.", param="tool_choice.name")
    if kind == "any" and not names and not searching:
        raise BadRequest("`tool_choice` asks for a tool where none is offered.", param="tool_choice")
    if not names or name in searching:
        return {}
    choice = {"type": "function", "function": {"name": name}} if kind == "tool" else _CHOICES[kind]
    is_single = value.get("disable_parallel_tool_use") is True
    return {"tool_choice": choice} | ({"parallel_tool_calls": False} if is_single else {})
