"""Bodies in chunks, of which a client may send as small ones as it likes, and a parser takes as long for each."""

from __future__ import annotations

from typing import Any, Final

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize

from gateway.breathing import breathe

LINE_BYTES: Final = 1_024
"""What the line before a chunk may hold, with its extensions."""
TRAILER_BYTES: Final = 8_192
FREE: Final = 8_192
AVERAGE_BYTES: Final = 64
"""So many chunks may be of any size; of more of them each must have so many bytes on the average."""
_AT_A_TIME: Final = 512


class Chunks(ChunkedReader):  # type: ignore[misc]
    """gunicorn's reader, with bounds. What breaks them is malformed: it raises `InvalidChunkSize`."""

    def __init__(self, request: Any, intake: Any) -> None:
        super().__init__(request, intake)
        self.limit_chunk_size_line = LINE_BYTES
        self.limit_trailer_section = TRAILER_BYTES
        self._chunks = 0
        self._bytes = 0

    @property
    def is_read(self) -> bool:
        """Whether it was read to its end."""
        return self.parser is None

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        """The size of the next chunk, and what of it is there."""
        size, rest = super().parse_chunk_size(unreader, data=data)
        self._chunks += 1
        self._bytes += size
        if self._chunks > FREE + self._bytes // AVERAGE_BYTES:
            raise InvalidChunkSize(b"%d chunks for %d bytes" % (self._chunks, self._bytes))
        if not self._chunks % _AT_A_TIME:
            breathe()
        return size, rest
