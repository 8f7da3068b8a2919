"""How much each model reads, so that what is too long for it is told before an account is asked.

Figures: sections 2 and 4 of the wire facts. The web's models are taken to read what the official ones of that name do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from kimi.accounts import Kind
from kimi.chat import Feature, Message
from kimi.errors import PromptTooLong
from kimi.models import Selection, connect_model
from kimi.upstreams.folding import into_one
from kimi.usage import count, framing, prompt_tokens

Unit = Literal["characters", "tokens"]

MOST_TOKENS: Final = 6
"""A character is at the most so many tokens, as `kimi.usage` counts them."""
_SLICE: Final = 65_536  # characters that are counted without a pause
_LONGEST_TURN: Final = 5  # by this factor can folding lengthen a text, where each line is empty and indented
_ROLE: Final = 12
_LEAST: Final = 8_000  # no model reads less, in tokens or in characters


@dataclass(frozen=True, slots=True)
class Window:
    """So much a model reads at once."""

    size: int
    unit: Unit = "tokens"


_CLASSIC: Final = Window(200_000, "characters")
_K2, _K3 = Window(262_144), Window(1_048_576)
LARGEST: Final = _K3.size
"""Tokens that some model reads, and none more."""
_SCENARIOS: Final[Mapping[str, Window]] = {
    "SCENARIO_K2": _K2,
    "SCENARIO_K2D5": _K2,
    "SCENARIO_CHAT": _K2,
    "SCENARIO_K3": _K3,
    "SCENARIO_OK_COMPUTER": _K3,
}
_OFFICIAL: Final = (
    (re.compile(r"kimi-k3\b.*"), _K3),
    (re.compile(r"kimi-k2\b.*"), _K2),
    (re.compile(r"moonshot-v1-8k\b.*"), Window(8_192)),
    (re.compile(r"moonshot-v1-32k\b.*"), Window(32_768)),
    (re.compile(r"(moonshot-v1|kimi-latest)\b.*"), Window(131_072)),
)


def window(route: str, selection: Selection) -> Window | None:
    """What is read by the model that `selection` means along `route`; None where nobody says."""
    kind = Kind(route.partition(":")[0])
    return _CLASSIC if kind is Kind.CLASSIC else _window(kind, selection.model_for(kind), selection.features)


@lru_cache(maxsize=1024)
def _window(kind: Kind, name: str, features: frozenset[Feature]) -> Window | None:
    if kind is Kind.MOONSHOT:
        return next((size for pattern, size in _OFFICIAL if pattern.fullmatch(name)), None)
    model = connect_model(name, features)
    return _SCENARIOS.get(model.scenario) if model is not None else None


def fitting(selection: Selection, messages: Sequence[Message], pause: Callable[[], object] = lambda: None) -> Selection:
    """`selection` along the routes whose model reads all of `messages`. `pause` is called while a long text is counted.

    Raises `PromptTooLong` where no model does, with the figures of the one that reads most.
    """
    length = sum(len(message.content) for message in messages)
    if MOST_TOKENS * length + _ROLE * len(messages) <= _LEAST:  # by far the most prompts are
        return selection
    windows = {route: window(route, selection) for route in (*selection.routes, *selection.otherwise)}
    sizes = {
        "tokens": _tokens(messages, _largest(windows, "tokens"), pause),
        "characters": _characters(messages, _largest(windows, "characters")),
    }
    fit = {route for route, seen in windows.items() if seen is None or sizes[seen.unit] <= seen.size}
    if len(fit) == len(windows):
        return selection
    if fit:
        best, other = ([each for each in routes if each in fit] for routes in (selection.routes, selection.otherwise))
        return replace(selection, routes=tuple(best or other), otherwise=tuple(other if best else ()))
    most = max((seen for seen in windows.values() if seen), key=lambda seen: (seen.unit == "tokens", seen.size))
    raise PromptTooLong(size=sizes[most.unit], limit=most.size, unit=most.unit)


def _largest(windows: Mapping[str, Window | None], unit: Unit) -> int:
    return max((seen.size for seen in windows.values() if seen and seen.unit == unit), default=0)


def _characters(messages: Sequence[Message], limit: int) -> int:
    """How long the one message is that the classic dialect sends, as far as that can be more than `limit`."""
    least = sum(len(message.content) for message in messages if not message.content.isspace())
    if not limit or _LONGEST_TURN * least + _ROLE * len(messages) <= limit:
        return 0
    return least if least > 2 * limit else len(into_one(messages))


def tokens(messages: Sequence[Message], limit: int, pause: Callable[[], object]) -> int:
    """The tokens of `messages`. Of what is more than `limit` the rest is estimated. `pause` is called meanwhile."""
    length = sum(len(message.content) for message in messages)
    if length <= _SLICE:  # by far the most prompts are
        return prompt_tokens(messages)
    counted, seen, pauses = framing(len(messages)), 0, 0
    for piece in _pieces(messages):
        counted += count(piece)
        seen += len(piece)
        if counted > limit:
            return max(counted, counted * length // max(seen, 1))
        if seen // _SLICE > pauses:
            pauses = seen // _SLICE
            pause()
    return counted


def _tokens(messages: Sequence[Message], limit: int, pause: Callable[[], object]) -> int:
    """The tokens of `messages`, as far as they can be more than `limit`."""
    length = sum(len(message.content) for message in messages)
    if not limit or framing(len(messages)) + MOST_TOKENS * length <= limit:
        return 0
    return tokens(messages, limit, pause)


def _pieces(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        for start in range(0, len(message.content), _SLICE):
            yield message.content[start : start + _SLICE]
