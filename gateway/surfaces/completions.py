"""OpenAI's former completions: one prompt, and the text that the model answers it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from gateway.errors import BadRequest
from gateway.problem import Problem
from gateway.surfaces.chat_completions import DONE, figures
from gateway.surfaces.fields import flag
from gateway.surfaces.places import Places
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import COMMENT, Identity, enclosed, literal
from kimi.events import Event, Finish, FinishReason, Text, Usage

PLACES: Final = Places({"messages": "prompt", "messages[0]": "prompt", "messages[0].content": "prompt"})
"""Where in this body stands what is wrong with the chat that was made of it."""
_OWN: Final = frozenset({"prompt", "suffix", "echo", "best_of", "logprobs"})
_OF_CHATS: Final = frozenset({"messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"})
"""Fields that this surface does not have, so that they are ignored here like all that nobody knows."""


def as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of chat completions that asks for the same. Raises `BadRequest`."""
    content = _prompt(body.get("prompt"))
    if body.get("suffix"):
        raise BadRequest("Nothing can be put in before a text here: leave `suffix` out.", param="suffix")
    if flag(body, "echo"):
        raise BadRequest("The prompt is not repeated before the answer: leave `echo` out.", param="echo")
    if body.get("best_of") not in (None, 1):
        raise BadRequest("There is one answer to a request: `best_of` has to be 1.", param="best_of")
    if not (body.get("logprobs") is None or body["logprobs"] is False):  # 0 asks for one of each token
        raise BadRequest("The models tell no probabilities here: leave `logprobs` out.", param="logprobs")
    rest = {name: value for name, value in body.items() if name not in _OWN | _OF_CHATS}
    return {**rest, "messages": [{"role": "user", "content": content}]}


def _prompt(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, int | list) and _is_tokens(value):
        raise BadRequest("Token numbers cannot be read here: send the prompt as text.", param="prompt")
    if isinstance(value, list):
        raise BadRequest("There is one prompt to a request: send a request for each of them.", param="prompt")
    if not isinstance(value, str) or not value.strip():
        raise BadRequest("`prompt` has to be a text.", param="prompt")
    return value


def _is_tokens(value: int | list[Any]) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return bool(value) and all(isinstance(each, int | list) and _is_tokens(each) for each in value)


class CompletionStream:
    """Events as pieces of a `text_completion`; what is thought is not shown.

    Usage is in the finish chunk, or, when the client asks with `include_usage`, in a last chunk of its own.
    """

    holds_status = True

    def __init__(self, identity: Identity, tally: Tally, *, include_usage: bool) -> None:
        self._tally = tally
        self._include_usage = include_usage
        self._head = b"data: %b" % _head(identity)
        self._lead = self._head + b'{"index":0,"text":'

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def render(self, events: Sequence[Event]) -> bytes:
        """The chunks for `events`."""
        self._tally.add(events)
        text = "".join(event.text for event in events if type(event) is Text)
        chunks = enclosed(self._lead, text, _tail(b"null")) if text else b""
        for event in events:
            if isinstance(event, Finish):
                chunks += self._finish(event.reason)
        return chunks

    def heartbeat(self) -> bytes:
        """A comment."""
        return COMMENT

    def fail(self, problem: Problem) -> bytes:
        """The chunk that ends a truncated answer."""
        told = {"usage": figures(self.usage), "error": PLACES.told(problem).error}
        return b"%b],%b\n\n%b" % (self._head, orjson.dumps(told)[1:], DONE)

    def _finish(self, reason: FinishReason) -> bytes:
        usage = orjson.dumps(figures(self.usage))
        end = self._lead + b'""' + _tail(b'"%b"' % reason.encode()).removesuffix(b"}\n\n")
        if self._include_usage:
            return b'%b}\n\n%b],"usage":%b}\n\n%b' % (end, self._head, usage, DONE)
        return b'%b,"usage":%b}\n\n%b' % (end, usage, DONE)


class CompletionAnswer:
    """Events as one `text_completion`."""

    def __init__(self, identity: Identity, tally: Tally) -> None:
        self._head = _head(identity)
        self._tally = tally
        self._text: list[str] = []
        self._reason: FinishReason = "stop"

    @property
    def usage(self) -> Usage:
        """What the answer took so far."""
        return self._tally.usage

    def add(self, events: Sequence[Event]) -> None:
        """Takes what came."""
        self._tally.add(events)
        for event in events:
            if type(event) is Text:
                self._text.append(event.text)
            elif isinstance(event, Finish):
                self._reason = event.reason

    def body(self) -> bytes:
        """The JSON of the answer."""
        choice = {
            "index": 0,
            "text": orjson.Fragment(literal("".join(self._text))),
            "logprobs": None,
            "finish_reason": self._reason,
        }
        return b'%b%b],"usage":%b}' % (self._head, orjson.dumps(choice), orjson.dumps(figures(self.usage)))


def _head(identity: Identity) -> bytes:
    return b'{"id":%b,"object":"text_completion","created":%d,"model":%b,"choices":[' % (
        literal(identity.id),
        identity.created,
        literal(identity.model),
    )


def _tail(reason: bytes) -> bytes:
    return b',"logprobs":null,"finish_reason":%b}]}\n\n' % reason
