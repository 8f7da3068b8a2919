"""Where alerts can go."""

from __future__ import annotations

from typing import Protocol

from kimi.alerts.notes import Note


class Undelivered(Exception):
    """A note has not arrived, as far as is known. `str()` says why, without a secret."""


class Destination(Protocol):
    """One place to which notes go. Several threads may use it at once."""

    @property
    def name(self) -> str:
        """What people know it by: its kind, and its host where that says more. Never a secret."""
        ...

    @property
    def id(self) -> str:
        """What it is known by from one start to the next; tells nothing of it."""
        ...

    def deliver(self, note: Note) -> None:
        """Returns when the note has arrived. Raises `Undelivered`."""
        ...
