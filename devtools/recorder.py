"""Writing down what goes over the wire, and playing it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from devtools.captures import Capture, Exchange, Outcome, Question
from devtools.redaction import redact
from kimi import errors
from kimi.accounts import Account
from kimi.errors import KimiError, Unreachable
from kimi.events import Event, Finish, Sources, Text, Thinking
from kimi.http import Content, Endpoints, Http, Reply
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build

_SHOWN: Final = frozenset(
    {"content-type", "connect-protocol-version", "x-msh-platform", "r-timezone", "retry-after", "date"}
)
"""Headers whose values stay; of the others the names do."""


class Recorder:
    """An `Http` that notes what goes through it to `http`."""

    def __init__(self, http: Http, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._monotonic = monotonic
        self.exchanges: list[Exchange] = []

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
        """See `Http.stream`."""
        began, number = self._monotonic(), len(self.exchanges)
        # What comes in pieces is a file, and nobody's business.
        sent = content if content is None or isinstance(content, bytes) else f"({len(content)} bytes)".encode()
        self.exchanges.append(Exchange(method, url, headers, sent))

        def note(**changes: Any) -> Exchange:
            seconds = round(self._monotonic() - began, 3)
            self.exchanges[number] = replace(self.exchanges[number], seconds=seconds, **changes)
            return self.exchanges[number]

        answer = self._http.stream(method, url, headers=headers, content=content, proxy=proxy, timeout=timeout)
        with ExitStack() as stack:
            with _noting(note):
                reply = stack.enter_context(answer)
                for _ in reply.arriving():
                    pass
            note(status=reply.status, headers=dict(reply.headers.items()))
            yield _Noted(reply, note)


@contextmanager
def _noting(note: Callable[..., Exchange]) -> Iterator[None]:
    """Notes what the wire has met, and not what an adapter says of it."""
    try:
        yield
    except KimiError as error:
        note(error=type(error).__name__)
        raise


class _Noted:
    def __init__(self, reply: Reply, note: Callable[..., Exchange]) -> None:
        self._reply = reply
        self._note = note
        self._chunks: list[tuple[float, bytes]] = []
        self.status, self.headers = reply.status, reply.headers

    def arriving(self) -> Iterator[None]:
        return iter(())

    def chunks(self) -> Iterator[bytes]:
        chunks = self._reply.chunks()
        while True:
            with _noting(self._note):
                chunk = next(chunks, None)
            if chunk is None:
                return
            self._chunks.append((self._note().seconds, chunk))
            self._note(chunks=tuple(self._chunks))
            yield chunk


class Player:
    """An `Http` that answers as it was recorded; what was not recorded is unreachable."""

    def __init__(self, exchanges: Collection[Exchange], base: str) -> None:
        self._left = list(exchanges)
        self._base = base

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],  # noqa: ARG002 - as the protocol has it
        content: Content | None = None,  # noqa: ARG002
        proxy: str | None = None,  # noqa: ARG002
        timeout: float,  # noqa: ARG002
    ) -> Iterator[Reply]:
        """See `Http.stream`."""
        wanted = (method, relative(url, self._base))
        exchange = next((each for each in self._left if (each.method, each.path) == wanted), None)
        if exchange is None:
            raise Unreachable(f"nothing is recorded of {method} {wanted[1]}")
        self._left.remove(exchange)
        if not exchange.status:
            raise _failure(exchange)
        yield _Played(exchange)


class _Played:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.status = exchange.status
        self.headers: Mapping[str, str] = CaseInsensitiveDict(exchange.headers)

    def arriving(self) -> Iterator[None]:
        return iter(())

    def chunks(self) -> Iterator[bytes]:
        for _, chunk in self._exchange.chunks:
            yield chunk
        if self._exchange.error:
            raise _failure(self._exchange)


def _failure(exchange: Exchange) -> KimiError:
    known = getattr(errors, exchange.error, Unreachable)
    return known("as it was recorded") if issubclass(known, errors.UpstreamError) else Unreachable("as recorded")


def relative(url: str, base: str) -> str:
    """What of `url` stands behind `base`; of another host's the path."""
    return url.removeprefix(base) if url.startswith(base) else urlsplit(url).path


def ask(
    http: Http,
    question: Question,
    account: Account,
    token: str,
    endpoints: Endpoints,
    *,
    see: Callable[[Event], object] = lambda _: None,
) -> Outcome:
    """What the adapter of the account's kind makes of the answer, each event of which is shown to `see`."""
    text: list[str] = []
    thinking: list[str] = []
    sources: set[str] = set()
    finish = error = ""
    try:
        batches = build(Line(http, endpoints))[account.kind].stream(question.chat, account, token)
        for event in chain.from_iterable(batch or () for batch in batches):
            see(event)
            match event:
                case Text(piece):
                    text.append(piece)
                case Thinking(piece):
                    thinking.append(piece)
                case Sources(found):
                    sources |= {source.key for source in found}
                case Finish(reason):
                    finish = reason
    except KimiError as failed:
        error = type(failed).__name__
    return Outcome("".join(text), "".join(thinking), finish, len(sources), error)


def play(capture: Capture) -> Outcome:
    """What the adapters of today make of `capture`."""
    endpoints, account = Endpoints(), Account(name="recorded", kind=capture.question.kind)
    return ask(Player(capture.exchanges, endpoints.chat(account)), capture.question, account, "token", endpoints)


def fit_to_show(exchange: Exchange, base: str, known: Collection[str]) -> Exchange:
    """`exchange` without what is nobody's business. `known` are texts that must not stay."""
    whole = redact(b"".join(chunk for _, chunk in exchange.chunks), known)
    chunks, start = [], 0
    for at, chunk in exchange.chunks:
        chunks.append((at, whole[start : start + len(chunk)]))
        start += len(chunk)
    return replace(
        exchange,
        path=redact(relative(exchange.path, base).encode(), known).decode(),
        sent_headers=_shown(exchange.sent_headers),
        sent=None if exchange.sent is None else redact(exchange.sent, known),
        headers=_shown(exchange.headers),
        chunks=tuple(chunks),
    )


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value if name.lower() in _SHOWN else "[redacted]" for name, value in headers.items()}
