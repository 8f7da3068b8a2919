"""`GET /admin/api/events`: what changes, as it changes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response

from gateway.admin.desk import Desk
from gateway.admin.live import Live
from gateway.admin.viewer import Viewer
from gateway.journal import Journal
from gateway.peer import SocketPeer
from gateway.services import Services
from gateway.views.replies import StreamReply
from gateway.views.requests import present

HEARTBEAT_SECONDS: Final = 10.0
"""So often a silent stream is heard of, and so often is looked whether its viewer is signed in as yet."""


class Feed(Iterator[bytes]):
    """The body of such a stream. Not a generator: one that was never started would not leave when it is closed."""

    def __init__(
        self,
        viewer: Viewer,
        *,
        is_welcome: Callable[[], bool],
        on_close: Callable[[], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._viewer = viewer
        self._is_welcome = is_welcome
        self._on_close = on_close
        self._monotonic = monotonic
        self._ask_at = monotonic() + HEARTBEAT_SECONDS
        self._closed = False

    def __next__(self) -> bytes:
        if self._monotonic() >= self._ask_at:
            self._ask_at = self._monotonic() + HEARTBEAT_SECONDS
            if not self._is_welcome():
                raise StopIteration
        told = self._viewer.take(HEARTBEAT_SECONDS)
        if self._viewer.ended:
            raise StopIteration
        return told or b":\n\n"

    def close(self) -> None:
        """The viewer leaves, once."""
        if not self._closed:
            self._closed = True
            self._on_close()


def blueprint(services: Services, desk: Desk, live: Live) -> Blueprint:
    """The live page's stream."""
    views = Blueprint("admin_events", __name__)
    journal = Journal(services.metrics, services.counts)

    @views.get("/admin/api/events")
    def events() -> Response:
        operator = desk.door.operator()
        asked = present()
        if asked.method == "HEAD":
            return Response(content_type="text/event-stream")
        sock, entry = asked.environ.get("gunicorn.socket"), asked.entry
        with ExitStack() as undo:
            viewer = live.join(partial(_hang_up, sock))
            undo.callback(live.leave, viewer)
            services.metrics.viewers.inc()
            undo.callback(services.metrics.viewers.dec)
            undo.callback(_watch(sock, viewer))
            ending = undo.pop_all()
        entry.stream = entry.streaming = True

        def close() -> None:
            ending.close()
            journal.write(entry, services.monotonic())

        session = operator.session
        return StreamReply(
            Feed(
                viewer,
                is_welcome=lambda: session is None or desk.door.is_open(session),
                on_close=close,
                monotonic=services.monotonic,
            )
        )

    return views


def _watch(sock: Any, viewer: Viewer) -> Callable[[], object]:
    """Ends the `viewer` at the moment its client leaves; the answer ends the watching."""
    if sock is None:
        return lambda: None
    return SocketPeer(sock).watch(viewer.end)


def _hang_up(sock: Any) -> None:
    """Wakes whoever waits for a client that does not read."""
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
