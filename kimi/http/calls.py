"""Calls with a short answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from kimi.errors import BrokenAnswer, UpstreamTimeout
from kimi.http.contract import Content, Http, Reply

_MOST_PARTS = 100_000  # of one answer, or one message of it, which are made without a pause
_SHORT_BYTES = 2 * _MOST_PARTS  # has no more than these, each of which takes two at least
_Step = TypeVar("_Step")

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
"""What is read of an answer that says by its status that it has failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body. `secret` is the token that was asked with, which it may repeat."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secret: str = field(default="", repr=False, compare=False)

    def json(self) -> Any:
        """The body as JSON. Raises `BrokenAnswer`."""
        return parse(self.body)


def media_type(headers: Mapping[str, str]) -> str:
    """What a body is, in small letters and without its parameters; empty where nobody says."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def parse(text: bytes | bytearray) -> Any:
    """JSON as it comes from an upstream. Raises `BrokenAnswer`, also for too many parts."""
    if len(text) > _SHORT_BYTES:  # nearly no event of a stream is, and each comes by here
        check_parts(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BrokenAnswer("the answer is not JSON") from error


def check_parts(*texts: bytes | bytearray) -> None:
    """Raises `BrokenAnswer` where JSON that is read without a pause has too many parts in all."""
    # What is quoted in a text is counted too: no prompt has so many that Kimi takes.
    if sum(text.count(b"{") + text.count(b"[") for text in texts) > _MOST_PARTS:
        raise BrokenAnswer(f"the answer has more than {_MOST_PARTS} parts in one message")


def request(
    http: Http,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: Content | None = None,
    proxy: str | None = None,
    timeout: float,
    limit: int = MAX_BODY_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """One call with a short answer; `timeout` holds for the whole of it as well.

    Raises `Unreachable`, `UpstreamTimeout`, or `BrokenAnswer` for a body of more than `limit` bytes. That of a failure
    is cut off at `MAX_ERROR_BYTES`.
    """
    with http.stream(method, url, headers=headers, content=content, proxy=proxy, timeout=timeout) as reply:
        return read(reply, timeout=timeout, limit=limit, clock=clock)


def read(
    reply: Reply,
    *,
    timeout: float,
    limit: int = MAX_BODY_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """The rest of `reply` at once. Raises as `request` does."""
    deadline = clock() + timeout
    body = bytearray()
    for _ in _in_time(reply.arriving(), deadline, timeout, clock):
        pass
    is_failure = reply.status >= 300
    most = min(limit, MAX_ERROR_BYTES) if is_failure else limit
    for chunk in _in_time(reply.chunks(), deadline, timeout, clock):
        body += chunk
        if len(body) > most:
            if is_failure:
                break
            raise BrokenAnswer(f"the answer is longer than {limit} bytes")
    return Answer(reply.status, reply.headers, bytes(body[:most]))


def _in_time(steps: Iterable[_Step], deadline: float, timeout: float, clock: Callable[[], float]) -> Iterator[_Step]:
    """The same steps. Raises `UpstreamTimeout` where there is one behind the deadline."""
    for step in steps:
        yield step
        if clock() > deadline:
            raise UpstreamTimeout(f"the answer took longer than {timeout:g} s")
