"""What is found of sealed secrets, and what came of sealing them anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Seal = int | str
"""With which key something is sealed, 1 is the first; or one of the two below."""
PLAIN: Final = "plain"
UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Seals:
    """How many secrets are sealed with which key: `current` is the first, `older` are counted by number, from 2 on.

    `lost` are accounts of which no key opens something, and `gone` those of them that were taken out.
    `canary` is the seal of what shows who has the right keys, None where nobody has left it yet; `processes` are those
    of all that live, by name.
    """

    plain: int = 0
    current: int = 0
    older: Mapping[int, int] = field(default_factory=dict)
    unreadable: int = 0
    lost: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    canary: Seal | None = None
    processes: Mapping[str, Seal] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All secrets that there are."""
        return self.plain + self.current + sum(self.older.values()) + self.unreadable

    def count(self, number: int) -> int:
        """How many are sealed with the key of that number."""
        return self.current if number == 1 else self.older.get(number, 0)

    def needs(self, number: int) -> bool:
        """Whether something is sealed with the key of that number, or will be."""
        return bool(self.count(number)) or number in (self.canary, *self.processes.values())

    @property
    def strangers(self) -> list[str]:
        """The names of those that live and seal with a key that is not here."""
        return [name for name, number in sorted(self.processes.items()) if number == UNREADABLE]

    @property
    def behind(self) -> list[str]:
        """The names of those that live and do not seal with the first key."""
        return [name for name, number in sorted(self.processes.items()) if number != 1]


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of it: secrets `changed`, those `left` because others go on writing them, and what no key opens."""

    changed: int = 0
    left: int = 0
    unreadable: int = 0

    def __add__(self, other: Resealed) -> Resealed:
        return Resealed(self.changed + other.changed, self.left + other.left, self.unreadable + other.unreadable)
