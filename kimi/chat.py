"""What goes to an upstream and what comes back, in no dialect at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


class Feature(StrEnum):
    """What a model name can ask for beyond its base, as `-feature`."""

    THINKING = "thinking"
    SEARCH = "search"
    RESEARCH = "research"
    MATH = "math"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn, its content as text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One question with its history.

    `model` is the base name that every dialect maps to its own (`kimi`, `kimi-k2.6`, an agent's id, a name of the
    official platform); `body` is the client's request as it came, for the upstream that speaks OpenAI itself.
    """

    model: str
    messages: tuple[Message, ...]
    features: frozenset[Feature] = frozenset()
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one completion."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class ChatOpened:
    """The upstream has made a chat for this request; whoever asked has to delete it."""

    chat_id: str


@dataclass(frozen=True, slots=True)
class Answering:
    """The answer has begun under this id, by which an upstream that can be told to stop knows it."""

    segment_id: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Bytes came, but nothing for the reader: heartbeats, search progress, titles."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A piece of a tool call; `id` and `name` come with its first piece only."""

    index: int
    id: str | None
    name: str | None
    arguments: str


FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is complete. `usage` is the upstream's own count, where it gives one."""

    reason: FinishReason
    usage: Usage | None = None


Event = ChatOpened | Answering | Alive | Thinking | Text | ToolCall | Finish
