"""What goes to an upstream and what comes back, in no dialect at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar, dataclass_transform

from kimi.errors import KimiError

_Made = TypeVar("_Made")

Role = Literal["system", "user", "assistant", "tool"]


class Feature(StrEnum):
    """What a model name can ask for beyond its base, as `-feature`."""

    THINKING = "thinking"
    SEARCH = "search"
    RESEARCH = "research"
    MATH = "math"
    SILENT = "silent"


Effort = Literal["none", "low", "medium", "high", "max"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or an image that a message carries, as the client sent it: nobody has looked at its content.

    `url` is a `data:` or an http(s) URL, `where` its place in the request, as in `messages[0].content[1]`.
    """

    url: str = field(repr=False)  # may hold the content, or a secret in its query
    where: str
    name: str = ""
    is_image: bool = False  # the client calls it an image


@dataclass(frozen=True, slots=True)
class Tool:
    """A function of the client that the model may ask for. `parameters` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A whole tool call. `id` is unique within its conversation, `arguments` the JSON text of an object."""

    id: str
    name: str
    arguments: str


Choice = Literal["auto", "none", "required", "named"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a client offers: calls may, must not or must be made, or only the tool `name` must be called."""

    offered: tuple[Tool, ...]
    choice: Choice = "auto"
    name: str = ""
    is_parallel: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """The answer has to be JSON: any object, or what fits `schema`."""

    schema: Mapping[str, Any] | None = None
    name: str = ""
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn, its content as text, and what it carries beside.

    `calls` are those that a turn of the assistant has made, `answers` is the id of the one whose result a turn of the
    role `tool` brings.
    """

    role: Role
    content: str
    attachments: tuple[Attachment, ...] = ()
    calls: tuple[Call, ...] = ()
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an account has given to its upstream, under the id by which the upstream knows it.

    `size` is in bytes, `media` a media type, `detail` what the upstream said of the file, for dialects that want to
    hear it again.
    """

    id: str
    name: str
    size: int
    media: str
    is_image: bool
    detail: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a chat that stands at an upstream, behind which the next question can be put.

    `message_id` is the last answer in it, for dialects that have to be told.
    """

    chat_id: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an answer ends at the latest: at one of the texts `stop`, or after so many `tokens`, thinking included."""

    tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One question with its history.

    `model` is the base name that every dialect maps to its own (`kimi`, `kimi-k2.6`, an agent's id, a name of the
    official platform); `body` is the client's request as it came, for the upstream that speaks OpenAI itself.
    `effort` is a wish for more or less thinking, which a model meets as well as it can.
    `behind` says that a chat at the upstream holds the history already: then `messages` are only what is new in it.
    `files` are what belongs to `messages`, uploaded by the account that is asked.
    An answer that ends at the upstream's output limit is continued up to `continuations` times.
    """

    model: str
    messages: tuple[Message, ...]
    features: frozenset[Feature] = frozenset()
    effort: Effort | None = None
    limits: Limits = Limits()
    continuations: int = 0
    behind: Place | None = None
    files: tuple[Upload, ...] = ()
    tools: Tools | None = None
    form: Form | None = None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)


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
