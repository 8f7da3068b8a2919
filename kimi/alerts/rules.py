"""What is wrong with a pool, by what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kimi.accounts import State
from kimi.alerts.notes import Rule

Subject = tuple[Rule, str]
"""A rule, and the account that breaks it, if the rule is of accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is wrong."""

    usable_below: int = 1  # 0: any number will do
    silent_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The pool at one moment, without the accounts of clients, which are none of the operator's business."""

    lost: Mapping[str, State]  # accounts that are dead or banned
    accounts: int  # how many are configured
    usable: int
    silence: float  # seconds since some refresher was heard of


def judge(seen: Snapshot, limits: Limits) -> dict[Subject, int]:
    """What is wrong, each with the figure that tells how much: usable accounts, or seconds of silence.

    A gateway that has no account of its own lacks none: it may live on those of its clients.
    """
    rules = {State.DEAD: Rule.DEAD, State.BANNED: Rule.BANNED}
    wrong: dict[Subject, int] = {(rules[state], name): 0 for name, state in seen.lost.items() if state in rules}
    if seen.accounts and seen.usable < limits.usable_below:
        wrong[Rule.LOW, ""] = seen.usable
    if seen.silence >= limits.silent_seconds:
        wrong[Rule.SILENT, ""] = int(seen.silence)
    return wrong
