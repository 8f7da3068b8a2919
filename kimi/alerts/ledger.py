"""What is wrong since when, and who was told of it: what keeps one trouble from becoming many messages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kimi.alerts.notes import Rule
from kimi.alerts.rules import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast messages follow what happens. All in seconds."""

    gather: float = 5.0  # accounts that are lost one after the other within it are one message
    brisk: float = 60.0  # between two messages that tell only of accounts of which nothing was told before
    lasting: float = 60.0  # the pool has to be low for so long: it is, for a moment, after each start
    calm: float = 60.0  # something has to be over for so long until that is said
    gap: float = 300.0  # between any other two messages of one rule to one destination
    repeat: float = 86_400.0  # what goes on is said again

    def before(self, rule: Rule) -> float:
        """How long something of this rule has to last until it is said."""
        return self.gather if rule.is_of_accounts else self.lasting if rule is Rule.LOW else 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a destination was told last of an entry, and when."""

    at: float
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that is wrong, or was. Times are in Unix seconds; `told` is by the ids of destinations."""

    rule: Rule
    subject: str
    since: float
    over: float | None = None  # since when it is
    told: Mapping[str, Told] = field(default_factory=lambda: MappingProxyType({}))
    figure: int = field(default=0, compare=False)  # as it is now; nobody has to remember it

    @property
    def key(self) -> Subject:
        """What there is one entry of."""
        return self.rule, self.subject

    def noted(self, destination: str, told: Told) -> Entry:
        """The same after a destination was told of it."""
        return replace(self, told={**self.told, destination: told})

    def is_said(self, destination: str) -> bool:
        """Whether the destination believes that it is so."""
        told = self.told.get(destination)
        return told is not None and not told.over


@dataclass(frozen=True, slots=True)
class Due:
    """What a destination is to be told in one message: all of one rule that is wrong, or that is over."""

    rule: Rule
    over: bool
    entries: tuple[Entry, ...]


Entries = Mapping[Subject, Entry]


def update(entries: Entries, wrong: Mapping[Subject, int], now: float, pace: Pace) -> dict[Subject, Entry]:
    """The entries after a look that found `wrong`.

    One that ends is kept until the `gap` is over, so that a trouble that comes and goes is known for an old one.
    """
    after = {}
    for key, entry in entries.items():
        if key not in wrong:
            ended = replace(entry, over=now) if entry.over is None else entry
            if _is_remembered(ended, now, pace):
                after[key] = ended
    for (rule, subject), figure in wrong.items():
        known = entries.get((rule, subject))
        if known is None:
            after[rule, subject] = Entry(rule=rule, subject=subject, since=now, figure=figure)
        elif known.over is None:
            after[rule, subject] = known if known.figure == figure else replace(known, figure=figure)
        else:
            after[rule, subject] = replace(known, since=now, over=None, figure=figure)
    return after


def _is_remembered(entry: Entry, now: float, pace: Pace) -> bool:
    said = any(not told.over for told in entry.told.values())
    latest = max((told.at for told in entry.told.values()), default=None)
    if latest is None:
        return False
    # A destination that is out of reach for long, or that was taken out, must not keep it for ever.
    return now - latest < pace.gap or (said and entry.over is not None and now - entry.over < pace.repeat)


def is_active(entry: Entry, now: float, pace: Pace) -> bool:
    """Whether it is wrong now, and has been for long enough to be worth a word."""
    return entry.over is None and now - entry.since >= pace.before(entry.rule)


def due(entries: Iterable[Entry], destination: str, now: float, pace: Pace) -> list[Due]:
    """What `destination` is to be told now."""
    found: list[Due] = []
    by_rule: dict[Rule, list[Entry]] = {rule: [] for rule in Rule}
    for entry in entries:
        by_rule[entry.rule].append(entry)
    for rule, known in by_rule.items():
        latest = max((entry.told[destination].at for entry in known if destination in entry.told), default=-math.inf)
        if now - latest < pace.brisk:
            continue
        is_soon = now - latest < pace.gap
        mine = [entry for entry in known if destination not in entry.told] if is_soon else known
        wrong = [entry for entry in mine if entry.over is None and _is_news(entry, destination, now, pace)]
        if any(is_active(entry, now, pace) for entry in wrong):
            found.append(Due(rule, over=False, entries=tuple(wrong)))
        ended = [entry for entry in mine if entry.is_said(destination) and _is_calm(entry, now, pace)]
        if ended:
            found.append(Due(rule, over=True, entries=tuple(ended)))
    return found


def _is_news(entry: Entry, destination: str, now: float, pace: Pace) -> bool:
    return not entry.is_said(destination) or now - entry.told[destination].at >= pace.repeat


def _is_calm(entry: Entry, now: float, pace: Pace) -> bool:
    return entry.over is not None and now - entry.over >= pace.calm
