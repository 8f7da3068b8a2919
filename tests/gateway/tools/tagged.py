"""Calls as a model writes them, for tests."""

from __future__ import annotations

import random
from typing import Final

from gateway.tools.seal import Seal
from kimi.chat import Tool, Tools

SEAL: Final = Seal(b"secret", random.Random(1))
T: Final = SEAL.own
OTHER: Final = Seal(b"secret", random.Random(2)).own
FOREIGN: Final = Seal(b"someone else's", random.Random(3)).own

WEATHER: Final = Tool(
    "get_weather",
    "Tells the weather of a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK: Final = Tool("clock")
TOOLS: Final = Tools((WEATHER, CLOCK))


def call(name: str, body: str = "{}", trigger: str = T) -> str:
    return f'<call-{trigger} name="{name}">\n{body}\n</call-{trigger}>'


def native(name: str, body: str = "{}", index: int = 0) -> str:
    return f"<|tool_call_begin|>functions.{name}:{index}<|tool_call_argument_begin|>{body}<|tool_call_end|>"


def section(*calls: str) -> str:
    return f"<|tool_calls_section_begin|>{''.join(calls)}<|tool_calls_section_end|>"
