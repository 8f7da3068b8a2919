"""Content on disk, or in memory while it is small: written once in pieces, counted and hashed on the way."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from kimi.breathing import breathe

MEMORY_BYTES: Final = 64 * 1024
"""What stays in memory: a file on disk takes a descriptor, of which a process has only so many."""
_TURN_BYTES: Final = 1024 * 1024


class TooLarge(Exception):
    """There is more of it than was allowed."""


class Spool:
    """A file without a name for at most `limit` bytes, in memory up to `MEMORY_BYTES`, else where temporary files are.

    `rest` is called once a megabyte: a source that always has more ready would keep every other greenlet waiting.
    Leaving the context closes it, and with that it is gone, unless `keep` was called.
    """

    def __init__(self, limit: int, rest: Callable[[], object] = breathe) -> None:
        self._limit = limit
        self._rest = rest
        self._hash = hashlib.sha256()
        self._kept = False
        self.size = 0

    def __enter__(self) -> Self:
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(MEMORY_BYTES))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self._file.close()

    @property
    def digest(self) -> str:
        """The SHA-256 of what was written, in hex."""
        return self._hash.hexdigest()

    @property
    def content(self) -> BinaryIO:
        """What was written. Whoever reads it leaves it at its beginning."""
        return self._file

    def expect(self, length: str) -> None:
        """Takes note of a `Content-Length`, which may be missing or lie. Raises `TooLarge`."""
        if length.isdecimal() and int(length[:20]) > self._limit:
            raise TooLarge

    def write(self, piece: bytes) -> None:
        """Adds a piece. Raises `TooLarge`, and `OSError` when the disk is full."""
        before, self.size = self.size, self.size + len(piece)
        if self.size > self._limit:
            raise TooLarge
        self._file.write(piece)
        self._hash.update(piece)
        if before // _TURN_BYTES != self.size // _TURN_BYTES:
            self._rest()

    def keep(self) -> BinaryIO:
        """The content, open at its beginning, for the caller to close."""
        self._file.seek(0)
        self._kept = True
        return self._file
