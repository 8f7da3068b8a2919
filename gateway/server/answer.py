"""gunicorn's way of writing an answer, with fewer calls of the kernel: each wakes the client, and costs as Flask does.

The bytes are gunicorn's own. The head goes out with the first piece of the body, and the end of a chunked body with its
last piece, where the application says which that is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, ClassVar, Final

from gunicorn import util
from gunicorn.http.wsgi import Response

from gateway.server.sending import send_all

_CONSTANT: Final = frozenset(
    {
        *("access-control-allow-origin", "access-control-expose-headers"),
        *("cache-control", "content-type", "x-accel-buffering"),
    }
)
"""Names of headers of which we send few values, and those again and again."""


class Answer(Response):  # type: ignore[misc]
    """The answer to one request. `sock` is gevent's."""

    _accepted: ClassVar[set[tuple[str, str]]] = set()  # headers that gunicorn has looked at before

    def __init__(self, req: Any, sock: Any, cfg: Any, await_room: Callable[[], object]) -> None:
        """`await_room` waits until the client has taken some of what was sent to him."""
        self._cork = _Cork(sock, await_room)
        super().__init__(req, self._cork, cfg)

    def send(self, pieces: Iterable[bytes]) -> None:
        """Writes the whole body, each piece at once; `pieces` may know by `is_over` that a piece was their last one."""
        following = iter(pieces).__next__  # a loop would keep a piece, and its frames in C, while a stream goes on
        with suppress(StopIteration):
            while True:
                self.write(following())
                if not getattr(pieces, "is_over", False):
                    self._cork.flush()
        self.close()
        self._cork.flush()

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """As gunicorn does it, but what is in every answer is looked at once. Raises what gunicorn raises."""
        for header in headers:
            if header in self._accepted:
                self.headers.append(header)
                continue
            super().process_headers((header,))
            if header[0] in _CONSTANT and self.headers and self.headers[-1] == header:
                self._accepted.add(header)

    def default_headers(self) -> list[str]:
        """What gunicorn puts first, with a date that is not made anew for every answer."""
        connection = "close" if self.should_close() else "keep-alive"
        headers = [
            f"HTTP/{self.req.version[0]}.{self.req.version[1]} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        if self.chunked:
            headers.append("Transfer-Encoding: chunked\r\n")
        return headers


class _Cork:
    """A socket that keeps what is written until it is flushed."""

    __slots__ = ("_await_room", "_held", "_sock")

    def __init__(self, sock: Any, await_room: Callable[[], object]) -> None:
        self._sock = sock
        self._await_room = await_room
        self._held: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self._held.append(data)

    def flush(self) -> None:
        if not self._held:
            return
        data = b"".join(self._held)
        self._held.clear()
        send_all(self._sock, data, self._await_room)


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    return str(util.http_date(now))
