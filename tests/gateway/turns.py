"""Whether others have their turn while something long goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gevent


class Turns:
    """So `many` times somebody else was let run."""

    many = 0

    def take(self) -> None:
        """Takes each turn that there is, until it is killed."""
        while True:
            self.many += 1
            gevent.idle()


@contextmanager
def counted_turns() -> Iterator[Turns]:
    """Counts the turns that others have during the block."""
    turns = Turns()
    others = gevent.spawn(turns.take)
    try:
        yield turns
    finally:
        others.kill()
