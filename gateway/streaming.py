"""The body of a streamed response."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence

import structlog

from gateway.breathing import breathe
from gateway.errors import ClientGone
from gateway.explaining import describe
from gateway.problem import Problem, as_it_is
from gateway.run import TICK, Run
from gateway.server.outlet import Outlet
from gateway.surfaces.wire import Stream
from kimi.events import Event

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StreamBody(Iterator[bytes]):
    """What the server writes, piece by piece, until it closes it.

    With an `outlet` the server writes the first piece, which goes out with the head, and the last one, with which goes
    the end; what comes between is written there while the server waits for the next piece.
    Where nothing more can be read it raises `ConnectionResetError` instead of ending.
    Not a generator: one that was never started would give nothing back when it is closed.
    """

    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        outlet: Outlet | None = None,
        told: Callable[[Problem], Problem] = as_it_is,
        heartbeat: float,
        monotonic: Callable[[], float],
        on_close: Callable[[], None],
    ) -> None:
        self._run = run
        self._stream = stream
        self._outlet = outlet
        self._told = told
        self._has_head = False
        self._heartbeat = heartbeat
        self._monotonic = monotonic
        self._on_close = on_close
        self._opening: Sequence[Event] | None = None
        self._left = b""  # of the end
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
        self._run.close(self._stream)
        self._on_close()

    def _piece(self) -> bytes:
        """The next bytes for the server to write. The first come at once, so that the headers go out."""
        if self._left:
            breathe()
            return self._last(self._left)
        if self._opening is not None:
            opening, self._opening = self._opening, None
            data = self._stream.render(opening) or self._stream.heartbeat()
            return self._last(data) if self._run.finished else data
        run, outlet, clock = self._run, self._outlet if self._has_head else None, self._monotonic
        due, pause = clock() + self._heartbeat, min(self._heartbeat, TICK)
        while True:
            events = run.pull(pause)
            data = self._stream.render(events) if events else b""
            if not data and not run.finished:
                if clock() < due:
                    continue
                data = self._stream.heartbeat()
            if run.finished:
                return self._last(data)
            if outlet is None:
                return data
            outlet.write(data)
            due = clock() + self._heartbeat

    def _last(self, data: bytes) -> bytes:
        """`data`, behind which there may be more of the end."""
        self._left = self._stream.render(())
        self._over = not self._left
        return data

    def _end(self, error: Exception) -> bytes:
        self._over = True
        entry = self._run.entry
        problem = describe(error, entry.request_id)
        entry.outcome = self._told(problem).code  # as `_stream` says it
        if problem.status == 500:
            log.error("a stream ended in an error of ours", request_id=entry.request_id, exc_info=error)
        else:
            log.warning("a stream was cut off", request_id=entry.request_id, reason=f"{type(error).__name__}: {error}")
        if self._outlet is not None and self._outlet.is_torn:
            raise _cut_off()
        try:
            return self._stream.fail(problem)
        except ClientGone:  # meanwhile; it may have to count a long prompt
            raise _cut_off() from None


def _cut_off() -> OSError:
    """Has the server close the connection without the end of the body, which would make it pass for whole."""
    return ConnectionResetError(errno.ECONNRESET, "the stream was cut off")
