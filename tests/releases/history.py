"""The releases that were made, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Release:
    """A release and the commit that it was made of."""

    name: str
    commit: str

    @property
    def dumps(self) -> tuple[Path, Path]:
        """What its code has written, without a key and sealed with one."""
        return FOLDER / f"v{self.name}.json", FOLDER / f"v{self.name}.sealed.json"


RELEASES: Final = (Release("0.1.0", "2cca927eec32cb3059849c0481321f9ed0c5363e"),)
