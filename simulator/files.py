"""Uploaded files: what they are and how often they were asked about, never their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_BYTES = 100 * 1024 * 1024
_PIECE = 64 * 1024


@dataclass(slots=True)
class File:
    """One upload. `polls` counts down to readiness; one whose name holds `broken` cannot be read."""

    id: str
    name: str
    object_name: str
    type: str  # file | image
    content_type: str = ""
    size: int | None = None  # in bytes; None until they came
    polls: int = 0
    digest: str = ""  # SHA-256 of the bytes, in hex
    head: bytes = b""  # the first of them

    def take(self, source: IO[bytes]) -> None:
        """Read the bytes through."""
        digest, size, head = hashlib.sha256(), 0, b""
        for piece in _pieces(source):
            digest.update(piece)
            size += len(piece)
            head = head or piece[:16]
        self.size, self.digest, self.head = size, digest.hexdigest(), head

    def poll(self) -> bool:
        """Whether it is through now; every question brings it nearer."""
        if self.size is None:
            return False
        self.polls -= 1
        return self.polls < 0

    @property
    def is_broken(self) -> bool:
        """Whether it cannot be read."""
        return "broken" in self.name

    @property
    def is_picture(self) -> bool:
        """Whether its bytes are those of an image, whatever it was called."""
        return self.head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM"))

    @property
    def is_ready(self) -> bool:
        """Whether an answer can draw on it."""
        return self.size is not None and self.polls < 0 and not self.is_broken

    @property
    def status(self) -> str:
        """How far it is: pending | ready | failed."""
        if self.size is None or self.polls >= 0:
            return "pending"
        return "failed" if self.is_broken else "ready"

    def shown(self) -> dict[str, object]:
        """The file, for the control API."""
        names = ("id", "name", "type", "content_type", "size", "digest", "status")
        return {name: getattr(self, name) for name in names}


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece
