"""What is answered: a script, cut into pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulator.calling import Scripted
from simulator.reading import Reading
from simulator.settings import Settings

MAX = 1_000_000  # events, or seconds
CALLS = "{calls}"
"""Where in its text a script wants its calls; without it they stand at the end."""
_DIRECTIVE = re.compile(r"\[\[sim (\{.*?\})\]\](?![\]}])", re.DOTALL)  # inside, lists of lists end alike
_LAST_USER = re.compile(r"(?:^|\n)[ \t]*(?:user|User|USER|human|Human|用户)[ \t]*[:：][ \t]*\n?")
_NAME = re.compile(r"\{([a-z]+)\}")
_CALL_TO_ANSWER = re.compile(r"\n+[ \t]*(?:assistant|Assistant|ASSISTANT|助手)[ \t]*[:：]\s*\Z")

SITES = (
    ("https://example.com/a", "甲 Alpha 🌍", "例子 Example"),
    ("https://example.org/b?q=1&r=2", "乙 Beta", "Example Org"),
    ("https://example.net/c", "丙 Gamma", "Example Net"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One answer to be given.

    Times are in seconds: `first_delay` comes before the first byte, `silence` between the head of a stream and its
    text. Of a search, `sources` are found, and the text speaks of them where `marks` is true. The classic dialect
    says which they are where `cards` is true (else it has to be asked), and stops after `limit` characters, until it is
    told to go on. `calls` are the tools that it wants to use (`simulator.calling`).
    """

    text: str
    thinking: str
    title: str
    events: int | None = None
    delay: float = 0.0
    first_delay: float = 0.0
    sources: int = 2
    marks: bool = True
    cards: bool = True
    silence: float = 0.0
    limit: int | None = None
    calls: Scripted = ()


_NUMBER = (int, float)
_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "thinking": str,
    "title": str,
    "events": int,
    "delay": _NUMBER,
    "first_delay": _NUMBER,
    "sources": int,
    "marks": bool,
    "cards": bool,
    "silence": _NUMBER,
    "limit": int,
    "calls": list,
}


def check_overrides(overrides: Mapping[str, Any]) -> None:
    """Raises ValueError for a key that no script has, or a value that does not fit."""
    for name, value in overrides.items():
        if name not in _KEYS:
            raise ValueError(f"unknown in a script: {name}; known: {', '.join(_KEYS)}")
        fits = isinstance(value, _KEYS[name]) and (isinstance(value, bool) == (_KEYS[name] is bool))
        if not fits or (isinstance(value, int | float) and not 0 <= value <= MAX):
            raise ValueError(f"{name} of a script cannot be {value!r}")
    if not all(map(_is_call, overrides.get("calls", ()))):
        raise ValueError("each of the calls of a script has to have a name")


def _is_call(call: object) -> bool:
    if isinstance(call, list):
        return all(map(_is_call, call))
    return isinstance(call, dict) and isinstance(call.get("name"), str)


def write_script(
    settings: Settings, reading: Reading, overrides: Mapping[str, Any] | None = None, results: Sequence[str] = ()
) -> Script:
    """The answer to what was read. Of a history folded into the prompt, the last turn of the user is echoed, or what
    its calls have brought since (`results`).
    """
    echo = ("\n".join(results) or last_user(without_directive(reading.prompt)))[: settings.echo_limit]
    script = Script(
        text=settings.answer,
        thinking=settings.thinking,
        title=settings.title,
        events=settings.events,
        delay=settings.event_delay,
        first_delay=settings.first_delay,
        limit=settings.answer_limit,
    )
    if overrides:
        script = replace(script, **overrides)
    words = reading.words() | {"prompt": echo}
    return replace(script, text=_filled(script.text, words), thinking=_filled(script.thinking, words))


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: words.get(found[1], found[0]), text)


def directive(prompt: str) -> dict[str, Any]:
    """What the last `[[sim {...}]]` of the prompt asks for; nothing when there is none or it is no JSON object."""
    found = _DIRECTIVE.findall(prompt)
    if not found:
        return {}
    try:
        wanted = json.loads(found[-1])
    except ValueError:
        return {}
    return wanted if isinstance(wanted, dict) else {}


def without_directive(prompt: str) -> str:
    """The prompt as a human would have written it."""
    return _DIRECTIVE.sub("", prompt).strip()


def last_user(prompt: str) -> str:
    """The last user turn of a history folded into `role:content` lines; the whole prompt when it is not folded."""
    starts = list(_LAST_USER.finditer(prompt))
    text = prompt[starts[-1].end() :] if starts else prompt
    return _CALL_TO_ANSWER.sub("", text).strip()


def cut_at(text: str, stops: Iterable[str]) -> str:
    """`text` up to the first of `stops`."""
    ends = [text.find(stop) for stop in stops if stop in text]
    return text[: min(ends)] if ends else text


def cut(text: str, events: int | None, rng: Random, *, tame: bool) -> list[str]:
    """`text` in pieces of 1 to 6 characters (4 when tame), or in exactly `events` pieces, filled up if short."""
    if events is not None:
        return _exactly(text, events)
    pieces = []
    start = 0
    while start < len(text):
        size = 4 if tame else rng.randint(1, 6)
        pieces.append(text[start : start + size])
        start += size
    return pieces


def _exactly(text: str, events: int) -> list[str]:
    if events == 0:
        return []
    if len(text) < events:
        return list(((text + "·") * (events // (len(text) + 1) + 1))[:events])
    size, longer = divmod(len(text), events)
    pieces = []
    start = 0
    for number in range(events):
        end = start + size + (number < longer)
        pieces.append(text[start:end])
        start = end
    return pieces
