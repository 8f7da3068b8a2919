"""Heads of requests, read by gunicorn's own rules, but the lines that clients send with every request only once.

gunicorn looks at each line again in every request, which takes longer than to find the endpoint, the client and the
model. Here first lines and common others that it has accepted are remembered, and only the rest is given to it, but
for keys in their common form.
What a line means depends on other lines only where a name comes twice, or a line begins with a blank and so belongs to
the one before: then gunicorn reads the whole head.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gevent import Timeout
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHTTPVersion, LimitRequestHeaders, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from gateway.server.chunks import Chunks
from gateway.server.intake import Intake

Header = tuple[str, str]

MOST: Final = 1_024
LONGEST: Final = 200
"""So many lines of so many bytes are remembered at the most."""
HEAD_BYTES: Final = 81_920
"""What a whole head may take: one line of 64 KiB, which keys and tokens may need, and 16 KiB of others."""
DRAIN_BYTES: Final = 65_536
DRAIN_SECONDS: Final = 2.0
"""What of a body that nobody has read is read behind its answer, so that the connection can be kept."""
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
_VERSIONS: Final = frozenset({(1, 0), (1, 1)})
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

    version: tuple[int, int]
    _expected_100_continue: bool

    def __init__(self, memory: Memory, *args: Any) -> None:
        self._memory = memory
        self.body: Any = None
        super().__init__(*args)

    @property
    def unread(self) -> float:
        """Bytes of the body that were not read; nobody knows how many of a chunked one."""
        reader = self.body.reader
        if type(reader) is LengthReader:
            return int(reader.length)
        return 0 if reader.is_read else math.inf

    def should_close(self) -> bool:
        """Whether this is the last request of its connection. It is where the end of its body is out of reach.

        A client that holds its body back, and was never asked for it, may send it or the next request.
        """
        unread = self.unread
        if unread > DRAIN_BYTES or (unread and (self.body.failed or self.unreader.is_held_back)):
            return True
        last: bool = super().should_close()
        return last

    def parse(self, unreader: Any) -> Any:
        """Reads the head; the answer is what has come behind it. Raises what gunicorn raises."""
        self.max_buffer_headers = HEAD_BYTES
        return super().parse(unreader)

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Adds to `buf` what comes. Raises `NoMoreData`, or where it may `stop`, `StopIteration`."""
        if not stop:
            unreader.await_more()
        super().read_into(unreader, buf, stop)

    def set_body_reader(self) -> None:
        """Finds out how the body is framed. Raises what gunicorn raises."""
        super().set_body_reader()
        if self._expected_100_continue:
            self._expected_100_continue = False  # gunicorn would answer it, whether anybody wants the body or not
            self.unreader.is_held_back = True
        if type(self.body.reader) is ChunkedReader:
            self.body = Body(Chunks(self, self.unreader))

    def parse_request_line(self, line_bytes: bytes) -> None:
        """Method, path and version of the request. Raises what gunicorn raises."""
        targets = self._memory.targets
        known = targets.get(line_bytes)
        if known is None:
            super().parse_request_line(line_bytes)
            if self.version not in _VERSIONS:
                raise InvalidHTTPVersion(self.version)
            if len(line_bytes) <= LONGEST and b"?" not in line_bytes:  # a query may hold what is nobody else's affair
                if len(targets) >= MOST:
                    targets.clear()
                targets[line_bytes] = tuple(getattr(self, name) for name in _OF_FIRST_LINE)
            return
        self.method, self.uri, self.path, self.query, self.fragment, self.version = known

    def parse_headers(self, data: bytes, from_trailer: bool = False) -> list[Header]:
        """The headers in `data`, names in capitals. Raises what gunicorn raises."""
        if from_trailer or b"\r\n " in data or b"\r\n\t" in data:
            return self._read(data, from_trailer)
        lines = data.split(b"\r\n")
        if len(lines) > self.limit_request_fields:  # gunicorn does not count those that it leaves out
            raise LimitRequestHeaders("limit request headers fields")
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


class Heads(RequestParser):  # type: ignore[misc]
    """The requests that come on a connection, one after the other, and the bodies between them."""

    def __init__(self, intake: Intake, addr: Any, memory: Memory) -> None:
        super().__init__(memory.cfg, (), addr)
        self.unreader = intake
        self.mesg_class = partial(Head, memory)

    @property
    def is_unread(self) -> bool:
        """Whether the client may still send what belongs to the last request."""
        return self.mesg is not None and self.mesg.unread > 0

    def finish_body(self, *_: Any, **__: Any) -> bool:
        """Reads what is left of the last body, where that is little and comes soon: otherwise nobody knows its end."""
        if not self.is_unread:
            return True
        finished = False
        with Timeout(DRAIN_SECONDS, False), suppress(ParseException):
            finished = super().finish_body(max_bytes=DRAIN_BYTES + 1)  # gunicorn gives up at so many
        return finished


def _is_common(name: str) -> bool:
    # gunicorn takes names with an underscore from some clients and not from others.
    return name in _COMMON or (name.startswith("X-STAINLESS-") and "_" not in name)
