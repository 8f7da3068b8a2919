"""The environment of a request, as gunicorn makes it, but what all requests have in common only once.

Whatever is rare is left to gunicorn: header lines that come twice, proxies that tell a path or whose connection it is,
sockets that are files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from gunicorn import util
from gunicorn.http import wsgi

from gateway.server.answer import Answer
from gateway.server.environ_keys import ROOM

LONGEST: Final = 64
"""Characters of a name that is remembered: anybody can send many longer ones, of 64 KiB each."""
_PLAIN: Final = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}


class Environs:
    """Those of one worker."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg
        self._ours = {"wsgi.multithread": True}
        self._common = {**wsgi.base_environ(cfg), **self._ours, "SCRIPT_NAME": ""}
        self._has_prefix = bool(os.environ.get("SCRIPT_NAME"))

    def create(
        self, req: Any, sock: Any, client: Any, server: Any, await_room: Callable[[], object]
    ) -> tuple[Answer, dict[str, Any]]:
        """The answer to `req`, which `client` has sent to `server`, and its environment."""
        headers = {(_known_key if len(name) <= LONGEST else _key)(name): value for name, value in req.headers}
        if self._is_rare(req, headers, client, server):
            answer, environ = wsgi.create(
                req, sock, client, server, self._cfg, response_class=Answer, response_args=(await_room,)
            )
            return answer, environ | self._ours | {ROOM: await_room}
        major, minor = req.version
        return Answer(req, sock, self._cfg, await_room), {
            **self._common,
            ROOM: await_room,
            "wsgi.input": req.body,
            "wsgi.url_scheme": req.scheme,
            "gunicorn.socket": sock,
            "REQUEST_METHOD": req.method,
            "QUERY_STRING": req.query,
            "RAW_URI": req.uri,
            "SERVER_PROTOCOL": f"HTTP/{major}.{minor}",
            "REMOTE_ADDR": client[0],
            "REMOTE_PORT": str(client[1]),
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "PATH_INFO": util.unquote_to_wsgi_str(req.path),
            **headers,
        }

    def _is_rare(self, req: Any, headers: dict[str, str], client: Any, server: Any) -> bool:
        return (
            len(headers) < len(req.headers)
            or "HTTP_SCRIPT_NAME" in headers
            or bool(req.proxy_protocol_info)
            or not isinstance(client, tuple)
            or not isinstance(server, tuple)
            or self._has_prefix
        )


def _key(name: str) -> str:
    return _PLAIN.get(name) or "HTTP_" + name.replace("-", "_")


_known_key: Final = lru_cache(maxsize=1_024)(_key)
