"""Bodies that come compressed, although nobody asked for that."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from kimi.http.contract import Malformed

PIECE_BYTES: Final = 16_384
"""The most that comes out at once, however well it was compressed."""

MOST_FOLD: Final = 100
"""So much more than came may come out, once it is more than `FREE_BYTES`: streams in JSON make a tenth of that."""

FREE_BYTES: Final = 1024 * 1024

_HEADER_BYTES: Final = 2
_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB: Final = zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
_CODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


def inflater(coding: str | None) -> Inflater | None:
    """What reads a body of this Content-Encoding; None where it comes as it is. Raises `Malformed`."""
    coding = (coding or "identity").strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding not in _CODINGS:
        raise Malformed("a content coding that nobody asked for")
    return Inflater(_CODINGS[coding])


class Inflater:
    """Reads gzip, and deflate with or without zlib's header."""

    __slots__ = ("_has_begun", "_inner", "_room", "_unsure")

    def __init__(self, kind: int) -> None:
        self._inner = zlib.decompressobj(kind)
        self._room = FREE_BYTES  # for what may come out
        self._has_begun = False
        self._unsure = b"" if kind == _ZLIB else None  # what came while it is not sure that there is a header

    def inflated(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The body in `pieces`, with an empty piece for each that brings nothing. Raises `Malformed`."""
        for piece in pieces:
            is_silent = True
            for more in self.inflate(piece) if piece else ():
                is_silent = False
                yield more
            if is_silent:
                yield b""
        self.end()

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds, each piece as soon as it is there. Raises `Malformed`."""
        self._has_begun = True
        self._room += MOST_FOLD * len(data)
        while True:
            try:
                piece = self._more(data)
            except zlib.error as error:
                raise Malformed("a body that is not compressed as it says") from error
            self._room -= len(piece)
            if self._room < 0:
                raise Malformed(f"a body that is compressed more than {MOST_FOLD} times")
            if piece:
                yield piece
            data = self._inner.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                break
        if self._inner.unused_data:
            raise Malformed("something behind a compressed body")

    def end(self) -> None:
        """Raises `Malformed` when the body has begun and is not over."""
        if self._has_begun and not self._inner.eof:
            raise Malformed("a compressed body that breaks off")

    def _more(self, data: bytes) -> bytes:
        if self._unsure is None:
            return self._inner.decompress(data, PIECE_BYTES)
        self._unsure += data
        try:
            piece = self._inner.decompress(data, PIECE_BYTES)
        except zlib.error:
            self._inner, data, self._unsure = zlib.decompressobj(_BARE), self._unsure, None
            return self._inner.decompress(data, PIECE_BYTES)
        if len(self._unsure) >= _HEADER_BYTES:  # it is one, or there would have been an error
            self._unsure = None
        return piece
