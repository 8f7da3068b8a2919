"""Bodies of Responses, for tests."""

from __future__ import annotations

from typing import Any

from gateway.surfaces.responses.request import Question, as_chat

LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": True}
GROUP = {"type": "namespace", "name": "mcp__files", "description": "Files", "tools": [LOOK]}


def asked(**body: Any) -> Question:
    return as_chat({"model": "kimi", "input": "hi", **body})


def messages(*items: Any, **body: Any) -> list[dict[str, Any]]:
    return list(asked(input=list(items), **body).chat["messages"])
