"""What everything that sends a request has to do, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

CONNECT_SECONDS = 10.0
"""What a connection may take to be made."""
END_SECONDS = 0.3
"""How long the end of an answer is waited for that was told to be complete."""

MAX_FRAMING_BYTES = 131_072
"""How much may come in one piece that is no body: a head, or what stands behind or between chunks."""

PULSE_SECONDS = 1.0
"""How often an answer that is silent lets its reader look after other things."""

HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; kimi-gateway)", "Accept": "*/*", "Accept-Encoding": "identity"}
"""What every request says. A compressed stream would hold events back until the compressor's block is full."""


class Malformed(Exception):
    """What came is no HTTP/1.1, or it stopped half-way."""


class Reply(Protocol):
    """An answer whose body is still to come."""

    def arriving(self) -> Iterator[None]:
        """Waits until status and headers are there, which else wait themselves. Raises as `chunks` does.

        They have to be complete in the time that may pass without a byte. It may yield every `PULSE_SECONDS` meanwhile,
        for a reader that has more to do.
        """
        ...

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case of its letters."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The body, each piece as soon as it is there. Raises `Unreachable` or `UpstreamTimeout`.

        While nothing comes of it there may be empty pieces, every `PULSE_SECONDS` or more often, for a reader that has
        more to do.
        """
        ...


class Pieces(Protocol):
    """A body that is never whole in memory: `len` is its size in bytes, and each walk over it starts anew."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


Content = bytes | Pieces


class Http(Protocol):
    """Something that sends a request and hands out its answer."""

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content | None = None,
        proxy: str | None = None,
        timeout: float,
    ) -> AbstractContextManager[Reply]:
        """The answer while it comes; leaving the context closes the connection unless all of it was read.

        Leaving it without an error waits a moment for the end, should that be all that is missing.

        `timeout` is how many seconds may pass without a byte; the head has no more of them in all.
        Raises `Unreachable` or `UpstreamTimeout`.
        """
        ...
