"""What goes to an upstream, in no dialect at all."""

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
