"""An upstream made of recorded answers: what adapters are judged by, without a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from requests.structures import CaseInsensitiveDict

from kimi.errors import KimiError
from kimi.events import Batch, Event, Text, Thinking
from kimi.http import Content, Reply
from kimi.upstreams.reading import Reader

DATA = Path(__file__).parents[1] / "data"


def recorded(name: str) -> bytes:
    """A byte stream of tests/data, which were written by hand from the wire facts."""
    return (DATA / name).read_bytes()


def said(batches: Iterable[Batch]) -> list[Event]:
    """All that was told, in whatever batches."""
    return [event for batch in batches for event in batch or ()]


def step(batches: Iterator[Batch]) -> Sequence[Event]:
    """What the next step tells."""
    return next(batches) or ()


def broken(batches: Iterable[Batch]) -> tuple[list[Event], KimiError]:
    """All that was told before the error that ends it, and that error."""
    told: list[Event] = []
    try:
        for batch in batches:
            told += batch or ()
    except KimiError as error:
        return told, error
    raise AssertionError("no error has come")


def read(reader: Reader, *chunks: bytes) -> list[Event]:
    """What a reader finds in these chunks."""
    told: list[Event] = []
    for chunk in chunks:
        reader.feed(chunk, told)
    return told


def text_of(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def thinking_of(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Thinking))


@dataclass
class Recorded:
    """One answer, delivered `size` bytes at a time."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 65536
    error: Exception | None = None  # what reading meets behind the body

    def __post_init__(self) -> None:
        self.headers = CaseInsensitiveDict(self.headers)

    def arriving(self) -> Iterator[None]:
        return iter(())

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.size):
            yield self.body[start : start + self.size]
        if self.error is not None:
            raise self.error


def as_json(body: object, status: int = 200, **headers: str) -> Recorded:
    return Recorded(orjson.dumps(body), status, {"content-type": "application/json; charset=utf-8", **headers})


@dataclass(frozen=True)
class Call:
    """What an adapter sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    proxy: str | None
    timeout: float

    @property
    def json(self) -> Any:
        return orjson.loads(self.content or b"null")


class Replay:
    """An `Http` that gives its answers in turn, keeps the calls, and counts answers that were not let go of."""

    def __init__(self, *answers: Recorded) -> None:
        self.calls: list[Call] = []
        self.open = 0
        self._answers = iter(answers)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content | None = None,
        proxy: str | None = None,
        timeout: float,
    ) -> Iterator[Reply]:
        body = content if content is None or isinstance(content, bytes) else b"".join(content)
        self.calls.append(Call(method, url, CaseInsensitiveDict(headers), body, proxy, timeout))
        self.open += 1
        try:
            yield next(self._answers)
        finally:
            self.open -= 1
