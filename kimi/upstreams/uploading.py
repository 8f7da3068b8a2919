"""What uploads of all dialects have in common: bodies read from disk, and waiting until a file was read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kimi.accounts import Account
from kimi.errors import BrokenAnswer, FileRefused, KimiError, PromptTooLong, RequestInvalid
from kimi.files import Blob
from kimi.http import Answer
from kimi.upstreams.line import Line

PARSE_SECONDS: Final = 30.0
"""What Kimi has for reading a file; its own page waits as long (wire facts of the classic dialect)."""
_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0
_READ_BYTES: Final = 65536
_ABOUT_THE_FILE: Final = frozenset({400, 415, 422})
"""Statuses of complaints whose words nobody knows, at calls in which nothing but the file is new."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """The content of a file as the body of a request, between `head` and `tail`; see `kimi.http.Pieces`."""

    blob: Blob
    head: bytes = b""
    tail: bytes = b""

    def __len__(self) -> int:
        return len(self.head) + self.blob.size + len(self.tail)

    def __iter__(self) -> Iterator[bytes]:
        content = self.blob.content
        content.seek(0)
        yield self.head
        while piece := content.read(_READ_BYTES):
            yield piece
        content.seek(0)
        yield self.tail


@dataclass(frozen=True, slots=True)
class Polling:
    """How a file is waited for; `clock` and `pause` are in seconds."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep

    def rounds(self, blob: Blob) -> Iterator[float]:
        """Seconds that are left, once a look, with pauses between. Raises `FileRefused` when none are."""
        end, pause = self.clock() + PARSE_SECONDS, _FIRST_PAUSE
        while (left := end - self.clock()) > 0:
            yield left
            self.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise refusal(blob, f"was not read by Kimi within {PARSE_SECONDS:g} s")


POLLING: Final = Polling()


def refusal(blob: Blob, reason: str) -> FileRefused:
    """`blob` is refused; the reason goes on behind its name."""
    return FileRefused(reason, name=blob.name, param=blob.where)


def told(line: Line, account: Account, answer: Answer, blob: Blob) -> Mapping[str, Any]:
    """What a call for `blob` was answered with. Raises what else it says: of the file, `FileRefused`."""
    if answer.status not in {200, 201}:
        raise _about(blob, line.error(account, answer), answer.status)
    body = answer.json()
    if not isinstance(body, Mapping):
        raise BrokenAnswer("the answer about a file is no object")
    if body.get("error_type") or (isinstance(body.get("code"), str) and body.get("message")):
        raise _about(blob, line.error(account, answer), answer.status)
    return body


def id_of(file: object) -> str:
    """The id of a file that the upstream tells of. Raises `BrokenAnswer` where it is none: it is kept, and sent."""
    file_id = file.get("id") if isinstance(file, Mapping) else None
    if not isinstance(file_id, str) or not _ID.fullmatch(file_id):
        raise BrokenAnswer("an uploaded file came back without an id")
    return file_id


def _about(blob: Blob, error: KimiError, status: int) -> KimiError:
    if isinstance(error, PromptTooLong):
        return refusal(blob, "is larger than Kimi takes")
    if isinstance(error, RequestInvalid) or (isinstance(error, BrokenAnswer) and status in _ABOUT_THE_FILE):
        return refusal(blob, "was not taken by Kimi")
    return error
