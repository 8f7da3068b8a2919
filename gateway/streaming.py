"""The body of a streamed response."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import structlog

from gateway.errors import ClientGone
from gateway.outlet import Outlet
from gateway.problems import describe
from gateway.run import Run
from gateway.surfaces.wire import Stream
from kimi.chat import Event

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StreamBody(Iterator[bytes]):
    """What the server writes, piece by piece, until it closes it.

    With an `outlet` the server writes the first piece, heartbeats and the last one; what comes between goes there by
    itself while the server waits for the next piece.
    Where nothing more can be read it raises `ConnectionResetError` instead of ending.
    Not a generator: one that was never started would give nothing back when it is closed.
    """

    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        outlet: Outlet | None = None,
        heartbeat: float,
        monotonic: Callable[[], float],
        on_close: Callable[[], None],
    ) -> None:
        self._run = run
        self._stream = stream
        self._outlet = outlet
        self._write = None if outlet is None else partial(self._write_to, outlet)
        self._has_head = False  # the server writes it with the first piece, and nothing may go out before
        self._due = 0.0  # the next heartbeat, unless something is written before
        self._heartbeat = heartbeat
        self._monotonic = monotonic
        self._on_close = on_close
        self._opening: Sequence[Event] | None = None
        self._over = False
        self._closed = False

    def begin(self, patience: float) -> None:
        """Waits for the first piece of the answer. Raises what goes wrong until then."""
        self._opening = self._run.first(patience)

    def __next__(self) -> bytes:
        if self._over:
            raise StopIteration
        try:
            piece = self._piece()
        except ClientGone:
            self._run.entry.outcome = "client_gone"
            self._over = True
            raise _cut_off() from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the client must not take the answer for complete
            return self._end(error)
        self._has_head = True
        return piece

    @property
    def is_over(self) -> bool:
        """Whether the last piece has been handed out, so that the server can write it and the end in one."""
        return self._over

    def close(self) -> None:
        """Gives everything back, once."""
        if self._closed:
            return
        self._closed = True
        if not self._over:
            self._run.entry.outcome = "client_gone"
        self._write = None  # it holds this body, which would stay until somebody looks for garbage
        self._run.close(self._stream)
        self._on_close()

    def _piece(self) -> bytes:
        """The next bytes for the client. The first come at once, so that the headers go out."""
        if self._opening is not None:
            opening, self._opening = self._opening, None
            return self._render(opening) or self._stream.heartbeat
        self._due = self._monotonic() + self._heartbeat
        while (left := self._due - self._monotonic()) > 0:
            if data := self._render(self._run.pull(left, self._write if self._has_head else None)):
                return data
        return self._stream.heartbeat

    def _render(self, events: Sequence[Event]) -> bytes:
        self._over = self._run.finished
        return self._stream.render(events)

    def _write_to(self, outlet: Outlet, events: Sequence[Event]) -> None:
        if data := self._stream.render(events):
            outlet.write(data)
            self._due = self._monotonic() + self._heartbeat

    def _end(self, error: Exception) -> bytes:
        self._over = True
        entry = self._run.entry
        problem = describe(error, entry.request_id)
        entry.outcome = problem.code
        if problem.status == 500:
            log.error("a stream ended in an error of ours", request_id=entry.request_id, exc_info=error)
        else:
            log.warning("a stream was cut off", request_id=entry.request_id, reason=f"{type(error).__name__}: {error}")
        if self._outlet is not None and self._outlet.is_torn:
            raise _cut_off()
        return self._stream.fail(problem)


def _cut_off() -> OSError:
    """Has the server close the connection without the end of the body, which would make it pass for whole."""
    return ConnectionResetError(errno.ECONNRESET, "the stream was cut off")
