"""A request on its way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.http1.answers import Answer
from gateway.http1.wire import Wire
from kimi.http import Content, Pieces
from kimi.http.contract import Malformed

_SMALL_BYTES = 65_536  # a body of no more goes out together with the head


def send(head: bytes, content: Content | None, wire: Wire, answer: Answer) -> bool:
    """Whether all of it went out; an answer that comes first, or the end of the connection, ends it early.

    Raises OSError, and `Malformed`, also for a body that is not as long as it said.
    """
    try:
        for portion in _portions(head, content):
            if not _send(portion, wire, answer):
                return False
    except (BrokenPipeError, ConnectionResetError):  # what was said before that can still be read
        return False
    return True


def _portions(head: bytes, content: Content | None) -> Iterable[bytes]:
    if not content:
        return (head,)
    if isinstance(content, bytes):
        return (head + content,) if len(content) <= _SMALL_BYTES else (head, content)
    return _pieces(head, content)


def _pieces(head: bytes, content: Pieces) -> Iterator[bytes]:
    yield head
    left = len(content)
    for piece in content:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise Malformed("a body that is not as long as it says")


def _send(data: bytes, wire: Wire, answer: Answer) -> bool:
    sent = wire.send(data)
    if sent == len(data):
        return True
    rest = memoryview(data)[sent:]
    while rest:
        if sent := wire.send(rest):
            rest = rest[sent:]
            continue
        wire.wait_for_either()
        if (came := wire.peek()) is not None:
            answer.feed(came)
            if answer.status:
                return False
    return True
