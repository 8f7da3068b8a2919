"""How the checks of openai-python ask: its client, and what they offer and want."""

from __future__ import annotations

from typing import Any

import openai
from pydantic import BaseModel

from checks import KEY, MODEL, V1, WEATHER

client = openai.OpenAI(base_url=V1, api_key=KEY, max_retries=0, timeout=30)
TOOLS: Any = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}
]
FLAT: Any = [{"type": "function", "name": "get_weather", "description": "Weather", "parameters": WEATHER}]
ARGUMENTS = {"city": "Paris", "days": 2}


class Person(BaseModel):
    name: str
    age: int


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def ask(text: str, model: str = MODEL, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=said(text), **more)


def together(stream: Any, field: str = "content") -> str:
    return "".join(getattr(c.choices[0].delta, field, None) or "" for c in stream if c.choices)
