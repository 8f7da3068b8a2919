"""Long events, and many, in batches between which others can have their turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from kimi.events import Event, Text, Thinking, ToolCall

PIECE: Final = 8_192
"""Characters, and what stands for the events around them: of no more than twice as many one batch is made."""

_EVENT_SIZE: Final = 64  # characters: handing over an event takes as long as so many more in it


def in_pieces(told: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """`told` in batches that are not long; an empty one, where nothing is told."""
    batch: list[Event] = []
    size = 0
    for event in told:
        for piece in _pieces(event):
            if size >= PIECE:
                yield batch
                batch, size = [], 0
            batch.append(piece)
            size += len(words(piece)) + _EVENT_SIZE
    yield batch


def words(event: Event) -> str:
    """What a model has written in it."""
    if isinstance(event, Text | Thinking):
        return event.text
    return event.arguments if isinstance(event, ToolCall) else ""


def _pieces(event: Event) -> Iterator[Event]:
    """`event`, or what is the same in more than one."""
    whole = words(event)
    if len(whole) <= PIECE:
        yield event
        return
    for start in range(0, len(whole), PIECE):
        piece = whole[start : start + PIECE]
        if isinstance(event, ToolCall):  # clients join repeated ids and names into one
            yield ToolCall(event.index, None if start else event.id, None if start else event.name, piece)
        elif isinstance(event, Text | Thinking):
            yield type(event)(piece)
