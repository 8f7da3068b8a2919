"""What comes back from an upstream, in no dialect at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, dataclass_transform

from kimi.errors import KimiError

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one completion.

    Of those of the prompt `cached` were read from a cache, of those of the completion `reasoning` were thinking, where
    the upstream tells.
    """

    prompt: int
    completion: int
    cached: int | None = None
    reasoning: int | None = None

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
    """The answer has begun under this id: by it an upstream can be told to stop, and a next question put behind it."""

    segment_id: str


@dataclass_transform(frozen_default=True)
def _piece(made: type[_Made]) -> type[_Made]:
    """A value like the others to the type checker. At run time nothing guards it, which makes it at half the cost."""
    return dataclass(slots=True, unsafe_hash=True)(made)


@_piece
class Thinking:
    """A piece of the model's reasoning."""

    text: str


@_piece
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


@dataclass(frozen=True, slots=True)
class Source:
    """A page that the answer draws on. Marks in the text speak of it as `key`."""

    key: str
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """Pages that a search has found. They may come at any time, and again."""

    found: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """The characters of the answer from `start` up to `end` (not included) speak of a page."""

    start: int
    end: int
    url: str
    title: str


FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is complete. `usage` is the upstream's own count, where it gives one.

    `cut` says that we have ended it, and that the upstream would have gone on; `stop` is the text of `Limits` before
    which that was.
    """

    reason: FinishReason
    usage: Usage | None = None
    cut: bool = False
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """The answer is complete and will not do: the model is asked for another one in the same chat, with these `words`.

    No upstream tells this; it takes the place of `Finish`. `error` is what is raised when it will not do then either.
    """

    words: str
    error: KimiError


Event = ChatOpened | Answering | Thinking | Text | ToolCall | Sources | Annotation | Finish | Again
Batch = Sequence[Event] | None
"""What one read of an answer has brought; None for a moment of silence."""
