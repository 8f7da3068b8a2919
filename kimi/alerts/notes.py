"""What alerts are about, and what is sent of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

MOST_SUBJECTS: Final = 1_000
"""More names would make a message that many a receiver refuses."""

Language = Literal["en", "zh"]
Severity = Literal["info", "warning", "critical"]


class Rule(StrEnum):
    """What is watched for."""

    DEAD = "dead"  # the login of an account was refused
    BANNED = "banned"  # an account was closed by the vendor
    LOW = "low"  # fewer accounts can be used than there should be
    SILENT = "silent"  # no refresher was heard of for too long

    @property
    def is_of_accounts(self) -> bool:
        """Whether its subjects are accounts. Else there is one, with an empty name."""
        return self in {Rule.DEAD, Rule.BANNED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is sent: a message for people, and for programs what it is about.

    `rule` is a `Rule`, or `test`. `at` is in Unix seconds. It is about `count` accounts, of which the first
    `MOST_SUBJECTS` are named. `resolved`: what it was about is over.
    """

    id: str
    at: float
    rule: str
    severity: Severity
    subjects: tuple[str, ...]
    count: int
    title: str
    text: str
    resolved: bool
