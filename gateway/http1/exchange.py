"""One request and its answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from gateway.breathing import breathe
from gateway.http1.answers import Answer
from gateway.http1.connections import Connections
from gateway.http1.routes import Route
from gateway.http1.sending import send
from gateway.http1.wire import Wire
from kimi.http import END_SECONDS, PULSE_SECONDS, Content
from kimi.http.coding import PIECE_BYTES, Inflater, inflater
from kimi.http.contract import Malformed
from kimi.http.failures import explained, translated


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out; for `timeout` see `Http.stream`."""

    method: str
    route: Route
    head: bytes = field(repr=False)
    content: Content | None = field(repr=False)
    timeout: float
    is_alone: bool


class Exchange:
    """The context in which an answer is read, and the answer itself; see `Http.stream` and `Reply`."""

    __slots__ = ("_answer", "_connections", "_may_keep", "_request", "_route", "_timeout", "_wire")

    def __init__(self, request: Request, connections: Connections) -> None:
        self._request: Request | None = request
        self._route, self._timeout = request.route, request.timeout
        self._may_keep = not request.is_alone
        self._connections = connections
        self._answer = Answer(request.method)
        self._wire: Wire | None = None

    @property
    def status(self) -> int:
        self._await_head()
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case of its letters."""
        self._await_head()
        return self._answer.headers

    def __enter__(self) -> Self:
        request, self._request = self._request, None  # its body is not held while the answer comes
        if request is None:
            raise RuntimeError("an exchange happens once")
        with translated(self._route.name, leaves=False):
            wire = self._connections.get(request.route, is_new=request.is_alone)
        try:
            wire.patience = request.timeout
            if not send(request.head, request.content, wire, self._answer):
                self._may_keep = False
            self._wire = wire
        except (OSError, Malformed) as error:
            raise explained(self._route.name, error) from error
        finally:
            if self._wire is None:
                wire.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        answer = self._answer
        try:
            if kind is None and not answer.is_complete:
                self._read_out(wire)
        finally:
            answer.drop()
            self._connections.put(self._route, wire, is_kept=answer.is_kept and self._may_keep)

    def arriving(self) -> Iterator[None]:
        """See `Reply.arriving`."""
        deadline = time.monotonic() + self._timeout
        try:
            while not self._answer.status:
                if not self._hears_head(deadline):
                    yield None
        except (OSError, Malformed) as error:
            raise explained(self._route.name, error) from error

    def chunks(self) -> Iterator[bytes]:
        """See `Reply.chunks`."""
        try:
            coding = inflater(self.headers.get("content-encoding"))
        except Malformed as error:
            raise explained(self._route.name, error) from error
        return self._pieces() if coding is None else self._inflated(coding)

    def _await_head(self) -> None:
        if not self._answer.status:
            for _ in self.arriving():
                pass

    def _pieces(self) -> Iterator[bytes]:
        """What of the body came in each read, and nothing now and then while nothing comes."""
        answer, timeout = self._answer, self._timeout
        pieces, left = answer.pieces, timeout
        deadline: float | None = None  # of what is no body
        try:
            while True:
                if pieces:
                    piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                    pieces.clear()
                    deadline = None
                    yield piece
                elif answer.is_complete:
                    return
                elif self._hears(left):
                    left = timeout
                    if pieces:
                        continue
                    if deadline is not None:  # what stands between chunks may come in portions, but not for ever
                        _check(deadline)
                        yield b""
                    else:
                        deadline = time.monotonic() + timeout
                else:
                    left -= PULSE_SECONDS
                    yield b""
        except (OSError, Malformed) as error:
            raise explained(self._route.name, error) from error

    def _hears_head(self, deadline: float) -> bool:
        """Whether the head is there. Raises `TimeoutError` where only a part of it is at the `deadline`."""
        self._hears(max(deadline - time.monotonic(), 0.0))
        if not self._answer.status:
            _check(deadline)
        return bool(self._answer.status)

    def _hears(self, left: float) -> bool:
        """Whether something came within a pulse. Raises `TimeoutError` when nothing did in the seconds that are `left`.

        Nothing more is waited for behind a fault: whoever has sent it may keep the connection for as long as it likes.
        """
        wire, answer = self._wire, self._answer
        if wire is None or answer.fault:
            raise answer.fault or Malformed("the answer was left before its end")
        wire.patience = min(left, PULSE_SECONDS)
        try:
            answer.feed(wire.receive())
        except TimeoutError:
            if left <= PULSE_SECONDS:
                raise
            return False
        return True

    def _inflated(self, coding: Inflater) -> Iterator[bytes]:
        try:
            for piece in coding.inflated(self._pieces()):
                yield piece
                if len(piece) == PIECE_BYTES:  # more may follow without a read, at which others have their turn
                    breathe()
        except Malformed as error:
            raise explained(self._route.name, error) from error

    def _read_out(self, wire: Wire) -> None:
        """Waits a moment for the end of an answer that has said all it has to say.

        An upstream may count the stream as running until then, and refuse the account its next one.
        """
        answer = self._answer
        deadline = time.monotonic() + END_SECONDS
        with suppress(OSError, Malformed):
            while not answer.is_complete and (left := deadline - time.monotonic()) > 0:
                answer.pieces.clear()
                wire.patience = left
                answer.feed(wire.receive())


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("what is no body takes too long")
