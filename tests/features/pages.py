"""A web server on this machine that files are fetched from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

Page = Callable[[], Iterable[bytes]]


class Pages:
    """Serves what is put there, and counts who comes for it."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self._pages: dict[str, tuple[Page, int, str]] = {}
        self._moved: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def address(self, path: str) -> str:
        """Where `path` is served."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def put(self, path: str, content: bytes, media: str = "application/octet-stream") -> str:
        """Serve `content`; its address."""
        return self.put_large(path, lambda: [content], len(content), media)

    def put_large(self, path: str, pieces: Page, size: int, media: str = "application/octet-stream") -> str:
        """Serve so many bytes in pieces; their address."""
        self._pages[path] = pieces, size, media
        return self.address(path)

    def move(self, path: str, to: str) -> str:
        """Send whoever comes to `path` elsewhere; its address."""
        self._moved[path] = to
        return self.address(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages, moved, fetched = self._pages, self._moved, self.fetched

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # as the base class calls it
                fetched.append(self.path)
                path = self.path.partition("?")[0]
                if path in moved:
                    self.send_response(302)
                    self.send_header("Location", moved[path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content, size, media = pages.get(path, (None, 0, ""))
                self.send_response(200 if content else 404)
                self.send_header("Content-Type", media)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                with suppress(ConnectionError):  # whoever came has left
                    for piece in content() if content else ():
                        self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler
