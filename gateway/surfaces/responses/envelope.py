"""The response object that stands around the items of an answer, and at its beginning without any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.problem import Problem
from gateway.surfaces.fields import flag
from gateway.surfaces.responses.request import Question
from gateway.surfaces.wire import Identity
from kimi.events import FinishReason, Usage

_NOTHING: Final = b"null"
_TEXTS: Final = ("instructions", "user", "safety_identifier", "prompt_cache_key")
_COUNTS: Final = ("max_output_tokens", "max_tool_calls")
_TOOL: Final[Mapping[str, Any]] = {"description": None, "parameters": None, "strict": None}
"""What a function has at the least."""
_CUT: Final[Mapping[FinishReason, bytes]] = {
    "length": b'{"reason":"max_output_tokens"}',
    "content_filter": b'{"reason":"content_filter"}',
}


class Envelope:
    """What a response is known by, and what was asked of it. `clock` gives Unix seconds."""

    def __init__(
        self, identity: Identity, body: Mapping[str, Any], question: Question, *, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._head = orjson.dumps(
            {
                "id": identity.id,
                "object": "response",
                "created_at": identity.created,
                "model": identity.model,
                **_echo(body),
                "previous_response_id": question.follows or None,
                "store": question.is_kept,
            }
        )[:-1]

    def begun(self) -> bytes:
        """The response of which nothing is known so far."""
        return self._with(b"in_progress", output=b"[]")

    def ended(self, reason: FinishReason | None, output: bytes, usage: Usage) -> tuple[bytes, bytes]:
        """Its status, and the whole response."""
        details = _CUT.get(reason) if reason is not None else None
        if details is not None:
            return b"incomplete", self._with(b"incomplete", output=output, details=details, usage=usage)
        return b"completed", self._with(b"completed", output=output, usage=usage, at=int(self._clock()))

    def failed(self, problem: Problem, output: bytes, usage: Usage) -> bytes:
        """The response that will never be complete."""
        error = orjson.dumps({"code": _code(problem), "message": _message(problem)})
        return self._with(b"failed", output=output, error=error, usage=usage)

    def _with(
        self,
        status: bytes,
        *,
        output: bytes,
        details: bytes = _NOTHING,
        error: bytes = _NOTHING,
        usage: Usage | None = None,
        at: int | None = None,
    ) -> bytes:
        return b'%b,"status":"%b","completed_at":%b,"error":%b,"incomplete_details":%b,"output":%b,"usage":%b}' % (
            self._head,
            status,
            _NOTHING if at is None else b"%d" % at,
            error,
            details,
            output,
            _NOTHING if usage is None else orjson.dumps(_figures(usage)),
        )


def _figures(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total,
    }


def _echo(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, with OpenAI's defaults; and nothing that would be none of its types."""
    text, reasoning = _object(body.get("text")), _object(body.get("reasoning"))
    return {
        **{name: value if isinstance(value := body.get(name), str) else None for name in _TEXTS},
        **{name: value if type(value := body.get(name)) is int else None for name in _COUNTS},
        "background": False,
        "frequency_penalty": _number(body, "frequency_penalty", 0.0),
        "metadata": _object(body.get("metadata")),
        "parallel_tool_calls": body.get("parallel_tool_calls") is None or flag(body, "parallel_tool_calls"),
        "presence_penalty": _number(body, "presence_penalty", 0.0),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "temperature": _number(body, "temperature", 1.0),
        "text": {"format": {"type": "text"}} | {name: said for name, said in text.items() if said is not None},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [{**_TOOL, **tool} if tool["type"] == "function" else tool for tool in body.get("tools") or ()],
        "top_logprobs": 0,
        "top_p": _number(body, "top_p", 1.0),
        "truncation": "disabled",
    }


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(body: Mapping[str, Any], name: str, default: float) -> float:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _message(problem: Problem) -> str:
    """What Codex finds the time in after which to come back: there are no headers any more."""
    seconds = dict(problem.headers).get("retry-after")
    return problem.message if seconds is None else f"{problem.message} Please try again in {seconds}s."


def _code(problem: Problem) -> str:
    """One of OpenAI's codes: clients try again after some, and not after others."""
    if problem.status == 429:
        return "rate_limit_exceeded"
    if problem.code == "context_length_exceeded":  # no code of a response's, but Codex looks for it
        return problem.code
    return "invalid_prompt" if problem.status < 500 else "server_error"
