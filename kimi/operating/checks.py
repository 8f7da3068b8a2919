"""What a check of the system comes to. `kimi.operating.checks_*` are the checks; each looks at one thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and could be better or soon worse
    PROBLEM = "problem"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """What was `seen` of one thing, and where that is not good, what to do about it: a line each."""

    check: str
    level: Level
    seen: str
    advice: str = ""

    def described(self) -> dict[str, str]:
        """As JSON has it."""
        return asdict(self)


def ok(check: str, seen: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, seen)


def warning(check: str, seen: str, advice: str) -> Finding:
    """It should be looked at."""
    return Finding(check, Level.WARNING, seen, advice)


def problem(check: str, seen: str, advice: str) -> Finding:
    """It has to be put right."""
    return Finding(check, Level.PROBLEM, seen, advice)
