"""What a model is told in words: tools that it can call, what came of its calls, a form that its answer has to have.

Nothing of it is agreed upon with whoever tells it: it is read as it stands there, tags are copied letter for letter,
and what is not told is not known.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.calling import Offer, Scripted, Wish, round_after, sample, wishes
from simulator.reading import Reading

_TOOLS = re.compile(r"<tools>\n(.*?)\n\s*</tools>", re.DOTALL)
_TAGS = re.compile(r"(<[^<>\s]+ name=\")NAME(\"[^<>\n]*>)\n.*?\n\s*(</[^<>\n]+>)", re.DOTALL)
_RESULT = re.compile(r"<(result[\w-]*)[^<>\n]*>\n(.*?)\n\s*</\1>", re.DOTALL)
_ORDER = re.compile(r"has to call (?:the tool `([^`\n]+)`|at least one of the tools)")
_SCHEMA = re.compile(r"valid against this JSON schema[^\n]*:\s*(?=[{\[])")
_OBJECT = "Answer with one JSON object"
_ROLE = re.compile(r"(?:system|user|assistant|tool)[:：]", re.IGNORECASE)
_TURN = re.compile(r"(?:^|\n)[ \t]*user[ \t]*[:：](?!tool[:：])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known from words.

    `turn` is all that was said since the user spoke, and `results` are those of the calls that were made since;
    `form` is a JSON schema.
    """

    offers: tuple[Offer, ...] = ()
    tags: tuple[str, str, str] | None = None
    turn: str = ""
    results: tuple[str, ...] = ()
    must: bool = False
    named: str = ""
    form: Mapping[str, Any] | None = None

    def calls(self, scripted: Scripted, prompt: str) -> tuple[Wish, ...]:
        """The tools to be called now. Who has results calls again only what the script has for then."""
        if self.tags is None:
            return ()
        asked = prompt if self.must or not self.results else ""
        scripted = round_after(scripted, len(self.results))
        return wishes(scripted, self.offers, asked, must=self.must, named=self.named)

    def written(self, calls: Sequence[Wish]) -> str:
        """The calls as they are to be written."""
        if self.tags is None:
            return ""
        before, behind, end = self.tags
        return "\n".join(f"{before}{call.name}{behind}\n{call.arguments}\n{end}" for call in calls)

    def formed(self, text: str) -> str:
        """The answer in the form that it has to have."""
        if self.form is None or text.lstrip().startswith("{"):
            return text
        made = sample(self.form, text) if self.form else {"answer": text}
        return orjson.dumps(made).decode()


def told(reading: Reading) -> Told:
    """What `reading` tells. What was said last counts."""
    everything = "\n".join((*reading.history, reading.system, reading.prompt))
    prompt = reading.prompt if _ROLE.match(reading.prompt) else f"user:{reading.prompt}"
    talk = "\n".join((*reading.history, prompt))
    turn = talk[_last(_TURN, talk) :]
    listed, tags = _TOOLS.findall(everything), _TAGS.findall(everything)
    order = _ORDER.search(prompt, max(_last(_TURN, prompt), _last(_RESULT, prompt)))
    return Told(
        offers=tuple(_offers(listed[-1])) if listed else (),
        tags=tags[-1] if tags else None,
        turn=turn,
        results=tuple(textwrap.dedent(content) for _, content in _RESULT.findall(turn)),
        must=order is not None,
        named=(order[1] or "") if order else "",
        form=_form(everything),
    )


def _last(mark: re.Pattern[str], text: str) -> int:
    starts = [found.start() for found in mark.finditer(text)]
    return starts[-1] if starts else 0


def _offers(listed: str) -> list[Offer]:
    tools = [_object(line) for line in listed.splitlines()]
    return [Offer(tool["name"], tool.get("parameters") or {}) for tool in tools if isinstance(tool.get("name"), str)]


def _form(text: str) -> Mapping[str, Any] | None:
    starts = [found.end() for found in _SCHEMA.finditer(text)]
    if starts:
        return _object(text[starts[-1] :])
    return {} if _OBJECT in text else None


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text begins with; an empty one where it begins with none."""
    try:
        found, _ = json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
