"""What the decoders have to find, read out of a stream that is there as a whole: plainly, without a thought of time.

Sizes next to a limit are left out, by `is_close`: what belongs to an event is measured a line's end more or less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_SLACK = 4  # a mark of the bytes' order, or the end of a line


@dataclass(slots=True)
class Events:
    """Of a stream so far: the data of its `complete` events up to what is wrong, and what its end would bring."""

    complete: list[bytes] = field(default_factory=list)
    is_broken: bool = False
    at_end: list[bytes] = field(default_factory=list)
    is_broken_at_end: bool = False
    sizes: list[int] = field(default_factory=list)

    def is_close(self, limit: int) -> bool:
        """Whether it is a matter of one line's end that something fits."""
        return any(abs(size - limit) <= _SLACK for size in self.sizes)


def events(stream: bytes, limit: int) -> Events:
    """Server-sent events."""
    *blocks, rest = _blocks(stream)
    found = Events(sizes=[len(block) for block in (*blocks, rest)])
    for block in blocks:
        if _is_wrong(block, limit):
            found.is_broken = True
            break
        found.complete += _data(block)
    found.is_broken = found.is_broken or len(rest) > limit
    found.is_broken_at_end = found.is_broken or _is_wrong(rest, limit)
    found.at_end = [] if found.is_broken_at_end else _data(rest)
    return found


def _blocks(stream: bytes) -> list[bytes]:
    """What stands between blank lines, and what stands behind the last one."""
    *lines, last = re.sub(b"\r\n?", b"\n", stream).removeprefix(_BOM).split(b"\n")
    blocks: list[list[bytes]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return [b"\n".join(block) for block in (*blocks[:-1], [*blocks[-1], *([last] if last else [])])]


def _is_wrong(block: bytes, limit: int) -> bool:
    is_data_alone = block.startswith(b"data: ") and b"\n" not in block  # which who reads it as JSON looks at
    return len(block) > limit or not (is_data_alone or _is_text(block))


def _is_text(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _data(block: bytes) -> list[bytes]:
    values = []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            values.append(value[1:] if value[:1] == b" " else value)
    return [b"\n".join(values)] if values else []


@dataclass(slots=True)
class Envelopes:
    """Of a stream so far: its messages, then what has ended it: a trailer, or what is wrong with it."""

    messages: list[bytes] = field(default_factory=list)
    trailer: bytes | None = None
    is_broken: bool = False

    @property
    def is_over(self) -> bool:
        return self.is_broken or self.trailer is not None


def envelopes(stream: bytes, limit: int) -> Envelopes:
    """Envelopes of the Connect protocol."""
    found = Envelopes()
    while len(stream) >= 5 and not found.is_over:
        flags, length = stream[0], int.from_bytes(stream[1:5], "big")
        message, stream = stream[5 : 5 + length], stream[5 + length :]
        if flags not in (0, 2) or length > limit:
            found.is_broken = True
        elif len(message) < length:
            break
        elif flags:
            found.trailer = message
        else:
            found.messages.append(message)
    return found
