"""What the files of all requests of a worker may take at a time, so that no number of requests takes all there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from gateway.server.room import FILES
from gateway.shares import SECONDS, Share, Shares
from kimi.chat import Attachment
from kimi.files import dataurls
from kimi.files.fetching import MOST_BYTES
from kimi.files.spool import MEMORY_BYTES

ROOM_BYTES: Final = 2 * 1024 * 1024 * 1024
"""What all of them together may have on disk."""
ON_DISK: Final = ROOM_BYTES // FILES
"""What a file on disk counts for at least, because it takes a descriptor."""
IN_MEMORY: Final = 1024 * 1024
"""What a file in memory counts for: that bounds the memory."""
FETCHES: Final = 16
"""So many servers are listened to at a time."""


class FileRoom:
    """`room` is in bytes. Each owner, see `Shares`, may have half of it, and half of the `fetches`."""

    def __init__(self, room: int = ROOM_BYTES, fetches: int = FETCHES, *, seconds: float = SECONDS) -> None:
        self.room = Shares(room, "files", seconds=seconds)
        self.fetches = Shares(fetches, "files", seconds=seconds)

    def share(self, scope: str, attachment: Attachment) -> Share:
        """What `attachment` may need at most. It is to be waited for, and to be closed."""
        url = attachment.url
        return self.room.share(scope, counted(len(url) if dataurls.is_data(url) else MOST_BYTES))

    @contextmanager
    def turn(self, scope: str, attachment: Attachment) -> Iterator[None]:
        """The time in which `attachment` is fetched. Raises `Crowded` when that cannot begin soon."""
        if dataurls.is_data(attachment.url):
            yield
            return
        with closing(self.fetches.share(scope, 1)) as turn:
            turn.wait()
            yield


def counted(size: int) -> int:
    """What a file of so many bytes counts for."""
    return IN_MEMORY if size <= MEMORY_BYTES else max(size, ON_DISK)
