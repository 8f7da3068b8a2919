"""Heads of requests, read by gunicorn's own rules, but the lines that clients send with every request only once.

gunicorn looks at each line again in every request, which takes longer than to find the endpoint, the client and the
model. Here first lines and common others that it has accepted are remembered, and only the rest is given to it, but
for keys in their common form.
What a line means depends on other lines only where a name comes twice, or a line begins with a blank and so belongs to
the one before: then gunicorn reads the whole head.

Where its parser in C (`gunicorn_h1c`) is installed, that is used, and nothing of this.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from gunicorn.http.body import LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

Header = tuple[str, str]

MOST: Final = 1_024
LONGEST: Final = 200
"""So many lines of so many bytes are remembered at the most."""
_COMMON: Final = frozenset(
    {
        *("ACCEPT", "ACCEPT-ENCODING", "ACCEPT-LANGUAGE", "CACHE-CONTROL", "CONNECTION", "CONTENT-LENGTH"),
        *("CONTENT-TYPE", "HOST", "ORIGIN", "REFERER", "USER-AGENT"),
    }
)
"""What is remembered, besides `X-Stainless-…`, which OpenAI's clients send a dozen of.

None of them is a secret, and none means something else when another client sends it.
"""
_KEY: Final = re.compile(rb"[Aa]uthorization: (Bearer [!-~]+)")
"""What is in every request and must not be remembered; nothing in a line of this form can be wrong."""
_OF_FIRST_LINE: Final = ("method", "uri", "path", "query", "fragment", "version")


class Memory:
    """Lines of heads that gunicorn has accepted by `cfg`, and which clients it takes for proxies of the operator."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = _Settled(cfg)
        self.trusted: dict[Any, bool] = {}
        self.targets: dict[bytes, tuple[Any, ...]] = {}
        self._known: dict[bytes, Header] = {}

    def sort(self, lines: list[bytes]) -> tuple[list[Header], list[bytes]]:
        """The headers of those `lines` that are known, and the other lines."""
        known, rest = [], []
        for line in lines:
            header = self._known.get(line)
            if header is not None:
                known.append(header)
            elif len(line) <= LONGEST and (key := _KEY.fullmatch(line)):
                known.append(("AUTHORIZATION", key[1].decode("ascii")))
            else:
                rest.append(line)
        return known, rest

    def learn(self, lines: list[bytes], headers: list[Header]) -> None:
        """Remembers the common ones of `headers`, each of which gunicorn has read in the line of the same place."""
        for line, header in zip(lines, headers, strict=True):
            if len(line) <= LONGEST and _is_common(header[0]):
                if len(self._known) >= MOST:
                    self._known.clear()  # somebody sends ever new ones; those that matter are soon back
                self._known[line] = header

    def __len__(self) -> int:
        return len(self._known)


class _Settled:
    """gunicorn's settings, each looked up in its way once."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cfg, name)
        setattr(self, name, value)
        return value


class Head(Request):  # type: ignore[misc]
    """A request, and what is remembered of those before."""

    def __init__(self, memory: Memory, *args: Any) -> None:
        self._memory = memory
        super().__init__(*args)

    def parse_request_line(self, line_bytes: bytes) -> None:
        """Method, path and version of the request. Raises what gunicorn raises."""
        targets = self._memory.targets
        known = targets.get(line_bytes)
        if known is None:
            super().parse_request_line(line_bytes)
            if len(line_bytes) <= LONGEST and b"?" not in line_bytes:  # a query may hold what is nobody else's affair
                if len(targets) >= MOST:
                    targets.clear()
                targets[line_bytes] = tuple(getattr(self, name) for name in _OF_FIRST_LINE)
            return
        self.method, self.uri, self.path, self.query, self.fragment, self.version = known

    def parse_headers(self, data: bytes, from_trailer: bool = False) -> list[Header]:
        """The headers in `data`, names in capitals. Raises what gunicorn raises."""
        lines = data.split(b"\r\n")
        if from_trailer or len(lines) > self.limit_request_fields or b"\r\n " in data or b"\r\n\t" in data:
            return self._read(data, from_trailer)
        known, rest = self._memory.sort(lines)
        new = self._read(b"\r\n".join(rest)) if rest else []
        headers = known + new
        if len(dict(headers)) < len(headers):
            return self._read(data)
        if len(new) == len(rest):  # otherwise gunicorn has left some out
            self._memory.learn(rest, new)
        return headers

    def _peer_is_trusted_proxy(self) -> bool:
        peer = self.peer_addr[0] if isinstance(self.peer_addr, tuple) else None  # of a socket file
        trusted = self._memory.trusted
        if peer not in trusted:
            if len(trusted) >= MOST:
                trusted.clear()
            trusted[peer] = super()._peer_is_trusted_proxy()
        return trusted[peer]

    def _read(self, data: bytes, from_trailer: bool = False) -> list[Header]:
        headers: list[Header] = super().parse_headers(data, from_trailer)
        return headers


class _Heads(RequestParser):  # type: ignore[misc]
    def __init__(self, memory: Memory, sock: Any, addr: Any) -> None:
        super().__init__(memory.cfg, sock, addr)
        self.mesg_class = partial(Head, memory)

    def finish_body(self, *args: Any, **options: Any) -> bool:
        """Reads what is left of the last body, as gunicorn does it; it does so also where all was read."""
        reader = self.mesg and self.mesg.body.reader
        if isinstance(reader, LengthReader) and not reader.length and not self.mesg.body.failed:
            return True
        finished: bool = super().finish_body(*args, **options)
        return finished


def heads(sock: Any, addr: Any, memory: Memory) -> RequestParser:
    """The requests that come on a connection, one after the other."""
    return _Heads(memory, sock, addr)


def _is_common(name: str) -> bool:
    # gunicorn takes names with an underscore from some clients and not from others.
    return name in _COMMON or (name.startswith("X-STAINLESS-") and "_" not in name)
