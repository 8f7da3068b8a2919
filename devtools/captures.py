r"""Captures: what was said between an adapter and its upstream, as a file that can be shown and played again.

A file is JSON lines: `capture` (its version and what was asked), then for each exchange `request`, `response`,
`chunk`… and `end`, and at last `outcome`, which is what the adapter makes of it.
Bytes stand as `text` where they are UTF-8, else `escaped`: what is none as `\xNN`, a backslash as two of them.
Times are in seconds since the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import orjson

from kimi.accounts import Kind
from kimi.chat import Chat, Feature, Message

VERSION: Final = 1

_ESCAPED: Final = re.compile(rb"\\(?:\\|x([\da-f]{2}))")


class NoCapture(ValueError):
    """It is no capture, or one of a version that is not known."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked."""

    kind: Kind
    model: str
    message: str
    features: tuple[Feature, ...] = ()

    @property
    def chat(self) -> Chat:
        """The same as adapters take it."""
        messages = (Message("user", self.message),)
        return Chat(model=self.model, messages=messages, features=frozenset(self.features))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `path` is what stands behind the base URL; `status` is 0 where no answer came.

    `error` is the name of what reading has met behind the last chunk.
    """

    method: str
    path: str
    sent_headers: Mapping[str, str]
    sent: bytes | None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[tuple[float, bytes], ...] = ()
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an adapter made of an answer; errors by their name."""

    text: str = ""
    thinking: str = ""
    finish: str = ""
    sources: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """One question, everything that was said about it, and what came of it. `made` is a date."""

    question: Question
    made: str
    exchanges: tuple[Exchange, ...]
    outcome: Outcome = Outcome()

    def lines(self) -> Iterator[bytes]:
        """The lines of the file."""
        asked = asdict(self.question)
        yield _line(capture=VERSION, made=self.made, asked=asked)
        for exchange in self.exchanges:
            yield _line(request=_request(exchange))
            if exchange.status:
                yield _line(response={"status": exchange.status, "headers": dict(exchange.headers)})
            for at, data in exchange.chunks:
                yield _line(chunk={"at": at, **_packed(data)})
            yield _line(end={"at": exchange.seconds, "error": exchange.error})
        yield _line(outcome=asdict(self.outcome))


def load(text: bytes) -> Capture:
    """The capture of a file. Raises `NoCapture`."""
    try:
        head, *rest = map(orjson.loads, text.splitlines())
        asked = _known(head)["asked"]
        features = tuple(map(Feature, asked["features"]))
        question = Question(Kind(asked["kind"]), asked["model"], asked["message"], features)
        return Capture(question, head["made"], tuple(_exchanges(rest)), Outcome(**rest[-1]["outcome"]))
    except NoCapture:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise NoCapture(f"this is no capture: {type(error).__name__}: {error}") from error


def _known(head: Any) -> Any:
    if head["capture"] != VERSION:
        raise NoCapture(f"this is a capture of version {head['capture']}, known is {VERSION}")
    return head


def _exchanges(lines: list[Any]) -> Iterator[Exchange]:
    exchange: Exchange | None = None
    for line in lines:
        match line:
            case {"request": asked}:
                exchange = Exchange(asked["method"], asked["path"], asked["headers"], _unpacked(asked["body"]))
            case {"response": answer} if exchange:
                exchange = replace(exchange, status=answer["status"], headers=answer["headers"])
            case {"chunk": chunk} if exchange:
                exchange = replace(exchange, chunks=(*exchange.chunks, (chunk["at"], _unpacked(chunk) or b"")))
            case {"end": end} if exchange:
                yield replace(exchange, seconds=end["at"], error=end["error"])


def _request(exchange: Exchange) -> dict[str, Any]:
    body = None if exchange.sent is None else _packed(exchange.sent)
    headers = dict(exchange.sent_headers)
    return {"method": exchange.method, "path": exchange.path, "headers": headers, "body": body}


def _packed(data: bytes) -> dict[str, str]:
    """So that whoever is to pass it on can read it."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"escaped": data.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")}


def _unpacked(body: Mapping[str, str] | None) -> bytes | None:
    if body is None:
        return None
    if "text" in body:
        return body["text"].encode()
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", body["escaped"].encode())


def _line(**fields: Any) -> bytes:
    return orjson.dumps(fields) + b"\n"
