"""From bytes to events: what every dialect's stream has in common."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from kimi.breathing import breathe
from kimi.errors import BrokenAnswer, KimiError
from kimi.events import Batch, Event, Finish
from kimi.http import parse
from kimi.upstreams.pieces import PIECE, in_pieces, words

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""The most of one answer, thinking, search results and heartbeats included."""

MAX_WRITTEN_BYTES: Final = 8 * 1024 * 1024
"""The most that a model writes in it, which is held until its end; a million tokens are half of that."""

_UNCOUNTED_BYTES: Final = MAX_WRITTEN_BYTES // 2  # of an answer; nearly none has more, and counting costs something
_COUNTED_FROM: Final = MAX_ANSWER_BYTES - _UNCOUNTED_BYTES  # that are left


class Reader(Protocol):
    """One answer of one dialect: bytes in, events out, no I/O."""

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Appends the events that `chunk` completes to `told`; raises `KimiError` behind what came before.

        Nothing is read behind a `Finish`, and nothing may be fed after it.
        """
        ...

    def close(self) -> Finish:
        """How it ended, when the bytes end before a `Finish` came. Raises `BrokenAnswer` for an answer that was cut."""
        ...


def batches(
    chunks: Iterable[bytes], reader: Reader, rest: Callable[[], object] = breathe
) -> Generator[Batch, None, Finish]:
    """What each chunk has brought, up to the one `Finish`, which is returned; see `kimi.upstreams.Upstream`.

    A long event is told in pieces. Others have their turn at each `rest` between them.
    """
    left, room = MAX_ANSWER_BYTES, MAX_WRITTEN_BYTES - _UNCOUNTED_BYTES
    heard = left  # before the chunk in which events were told last: no part of the next ones has come earlier
    for chunk in chunks:
        if not chunk:
            yield None
            continue
        before = left
        left -= len(chunk)
        told: list[Event] = []
        try:
            reader.feed(chunk, told)
        except KimiError:
            if told:
                yield from _with_rests(told, rest)
            raise
        if left < _COUNTED_FROM:
            room -= _written(told)
            _check(left, room)
        if told:
            if isinstance(finish := told[-1], Finish):
                yield from _with_rests(told[:-1], rest)
                return finish
            is_long = heard - left > PIECE
            heard = before
            if is_long:
                yield from _with_rests(told, rest)
                continue
        yield told
    return reader.close()


def _check(left: int, room: int) -> None:
    if left < 0:
        raise BrokenAnswer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    if room < 0:
        raise BrokenAnswer(f"the text of the answer is longer than {MAX_WRITTEN_BYTES} bytes")


def _written(told: Sequence[Event]) -> int:
    return sum(len(words(event).encode(errors="surrogatepass")) for event in told)


def _with_rests(told: Sequence[Event], rest: Callable[[], object]) -> Iterator[Sequence[Event]]:
    """`told` in batches that are not long, and a rest before each but the first."""
    for number, batch in enumerate(in_pieces(told)):
        if number:
            rest()
        yield batch


def parsed(data: bytes | bytearray) -> dict[str, Any]:
    """One message of a stream in JSON. Raises `BrokenAnswer` for anything but an object, as `parse` does."""
    said = parse(data)
    if not isinstance(said, dict):
        raise BrokenAnswer("a message of the stream is no object")
    return said
