"""The tools of a request as functions, which is all that models are offered here, and calls of those as they were.

What a client runs itself becomes a function: custom tools (a text as their input), namespaces of functions, and the
search for further tools; Codex offers all of these. Of what OpenAI runs there is the search of the web here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from gateway.errors import BadRequest
from gateway.surfaces.fields import choice
from gateway.surfaces.tools import MOST_LISTED

Form = Literal["function", "custom", "search"]

_SEARCHES: Final = ("web_search", "web_search_preview")
"""The names of their versions begin with these."""
_WITHOUT_HARM: Final = frozenset({"image_generation", "programmatic_tool_calling"})
"""What can be left out of an offer: agents make it always, and whoever does not get it has only to do without."""
_TOOL_SEARCH: Final = "tool_search"
_LONGEST: Final = 64  # characters of a name
_LONGEST_SAID: Final = 256  # the name of a namespace is a part of all names in it
_NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}
_TEXT_INPUT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a function was made of, and so which form a call of it has."""

    name: str
    form: Form = "function"
    namespace: str = ""


class Toolbox:
    """The tools of one request. `functions` are what chat completions are offered.

    `made` leads from those to where they stand in the client's body. `searches` says that the web may be searched.
    """

    def __init__(self) -> None:
        self.functions: list[dict[str, Any]] = []
        self.made: dict[str, str] = {}
        self.searches = False
        self._origins: dict[str, Origin] = {}

    def offer(self, tools: object, where: str) -> None:
        """Takes the tools at `where`. Raises `BadRequest`."""
        if tools is None:
            return
        if not isinstance(tools, list):
            raise BadRequest("Tools have to be a list.", param=where)
        for index, tool in enumerate(tools):
            self._take(_object(tool, f"{where}[{index}]"), f"{where}[{index}]", "")

    def origin(self, name: str) -> Origin:
        """What the function of that name was made of."""
        return self._origins.get(name) or Origin(name)

    def chosen(self, value: object) -> tuple[str | dict[str, Any] | None, bool]:
        """`tool_choice` for chat completions, and whether it demands a search. Raises `BadRequest`."""
        if value is None or isinstance(value, str):
            return self._word(value)
        if not isinstance(value, Mapping):
            _unknown_choice()
        kind = value.get("type")
        if kind in ("function", "custom"):
            name = function_name(_name(value, "tool_choice"), value.get("namespace"))
            return {"type": "function", "function": {"name": name}}, False
        if kind == "allowed_tools":
            self._restrict(value.get("tools"))
            mode = value.get("mode", "auto")
            return self._word(mode) if mode in ("auto", "required") else _unknown_choice()
        return (None, True) if isinstance(kind, str) and kind.startswith(_SEARCHES) else _unknown_choice()

    def _word(self, choice: str | None) -> tuple[str | None, bool]:
        """The same for a choice that names no tool. A search is none of those that chat completions choose from."""
        if choice == "none":
            self.searches = False
        if self.functions:
            return choice, False
        if choice == "required" and self.searches:
            return None, True
        return (None if choice in (None, "auto", "none") else choice), False

    def _take(self, tool: Mapping[str, Any], where: str, namespace: str) -> None:
        match tool["type"]:
            case "function":
                says = {"description": tool.get("description"), "strict": tool.get("strict")}
                parameters = tool.get("parameters") or _NO_PARAMETERS
                self._add(Origin(_name(tool, where), "function", namespace), parameters, says, where)
            case "custom":
                says = {"description": _with_grammar(tool)}
                self._add(Origin(_name(tool, where), "custom", namespace), _TEXT_INPUT, says, where)
            case "namespace":
                self._open(tool, where, namespace)
            case "tool_search":
                if tool.get("execution") == "client":  # otherwise all that could be found is offered at once
                    says = {"description": tool.get("description")}
                    parameters = tool.get("parameters") or _NO_PARAMETERS
                    self._add(Origin(_TOOL_SEARCH, "search"), parameters, says, where)
            case kind if kind.startswith(_SEARCHES):
                # Codex offers a search in what OpenAI has fetched before, unless it is told to go into the web.
                self.searches = self.searches or choice(tool, "external_web_access", where=f"{where}.") is not False
            case kind if kind not in _WITHOUT_HARM:
                raise BadRequest(
                    "This tool cannot be run here: offer functions, custom tools or `web_search`.",
                    param=f"{where}.type",
                )

    def _open(self, group: Mapping[str, Any], where: str, namespace: str) -> None:
        """Takes the tools of a namespace, which is in none itself."""
        if namespace:
            raise BadRequest("A namespace holds functions and custom tools.", param=f"{where}.type")
        name, inner = _name(group, where), group.get("tools")
        if not isinstance(inner, list):
            raise BadRequest("Tools have to be a list.", param=f"{where}.tools")
        for index, each in enumerate(inner):
            at = f"{where}.tools[{index}]"
            self._take(_object(each, at), at, name)

    def _add(self, origin: Origin, parameters: object, says: Mapping[str, Any], where: str) -> None:
        name = function_name(origin.name, origin.namespace)
        known = self._origins.setdefault(name, origin)
        if known != origin:
            raise BadRequest("There is another tool that comes to the same name.", param=where)
        if known is not origin:  # found by several searches, for example
            return
        if len(self.functions) == MOST_LISTED:
            raise BadRequest(f"A request can offer {MOST_LISTED} tools at the most.", param=where)
        said = {field: value for field, value in says.items() if value is not None}
        self._put({"type": "function", "function": {"name": name, **said, "parameters": parameters}}, where)

    def _put(self, function: dict[str, Any], where: str) -> None:
        at = f"tools[{len(self.functions)}]"
        self.made |= {at: where, f"{at}.function": where}
        self.functions.append(function)

    def _restrict(self, allowed: object) -> None:
        """Leaves only tools that the client allows this time. Raises `BadRequest`."""
        if not isinstance(allowed, list):
            raise BadRequest("Tools have to be a list.", param="tool_choice.tools")
        kinds, names = set(), set()
        for index, each in enumerate(allowed):
            tool = _object(each, f"tool_choice.tools[{index}]")
            kinds.add(tool["type"])
            if tool.get("name") is not None:
                names.add(function_name(_name(tool, f"tool_choice.tools[{index}]"), tool.get("namespace")))
        offered, made, self.functions, self.made = self.functions, self.made, [], {}
        for index, each in enumerate(offered):
            if each["function"]["name"] in names:
                self._put(each, made[f"tools[{index}]"])
        self.searches = self.searches and any(kind.startswith(_SEARCHES) for kind in kinds)


def function_name(name: str, namespace: object = "") -> str:
    """By which a tool is offered. One that would be too long ends in what tells it apart from others."""
    whole = f"{namespace.removesuffix('__')}__{name}" if isinstance(namespace, str) and namespace else name
    if len(whole) <= _LONGEST or not namespace:
        return whole
    return f"{whole[: _LONGEST - 9]}_{hashlib.sha256(whole.encode(errors='replace')).hexdigest()[:8]}"


def _with_grammar(tool: Mapping[str, Any]) -> str:
    said, form = tool.get("description"), tool.get("format")
    texts = [said] if isinstance(said, str) and said else []
    texts.append("Its `input` is one text, taken as it is.")
    if isinstance(form, Mapping) and isinstance(form.get("definition"), str):
        syntax = f"{form['syntax']} " if isinstance(form.get("syntax"), str) else ""
        texts.append(f"That text has to follow this {syntax}grammar:\n{form['definition']}")
    return "\n\n".join(texts)


def _object(tool: object, where: str) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
        raise BadRequest("A tool has to be an object with a `type`.", param=where)
    return tool


def _name(tool: Mapping[str, Any], where: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_SAID:
        raise BadRequest(f"A tool has to have a name, of {_LONGEST_SAID} characters at most.", param=f"{where}.name")
    return name


def _unknown_choice() -> NoReturn:
    raise BadRequest(
        "`tool_choice` has to be auto, none, required, one of the tools, or those of them that are allowed.",
        param="tool_choice",
    )
