"""What is wrong since when and who was told of it, over all processes, and which of them watches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, islice
from typing import Any, Final

import orjson

from kimi.alerts.ledger import Entry, Told
from kimi.alerts.notes import Rule
from kimi.alerts.rules import Subject
from kimi.pool.scanning import scan
from kimi.pool.store import Store, to_ms

_RULES: Final = frozenset(rule.value for rule in Rule)
PAGE: Final = 500
"""Entries that are written in one step, so that others do not wait for a pool that is lost at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """What is wrong now by one rule: the first of its subjects, how many there are, since when (Unix seconds)."""

    rule: Rule
    subjects: tuple[str, ...]
    count: int
    since: float
    figure: int
    limit: int


class Hold(IntEnum):
    """Whether one watches; the numbers are those of `alerts_hold.lua`."""

    NONE = 0  # another one does
    KEPT = 1  # it has done so all the time
    TAKEN = 2  # from now on: what it knows may be out of date, or lost


class AlertBook:
    """Reads and writes it. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, owner: str, seconds: float) -> Hold:
        """Whether `owner` is the only one to watch, from now on for so long."""
        return Hold(self._store.run("alerts_hold", owner, to_ms(seconds)))

    def free(self, owner: str) -> None:
        """Lets others watch at once, if `owner` does."""
        self._store.run("alerts_free", owner)

    def entries(self) -> dict[Subject, Entry]:
        """All that is known. Rules of a newer release are left out, here and in `active`."""
        found: dict[str, str] = {}
        for page in scan(self._store, "hscan", "alerts", page=PAGE):
            found |= page
        entries = [_unpacked(field, value) for field, value in found.items() if field.partition(":")[0] in _RULES]
        return {entry.key: entry for entry in entries}

    def write(self, owner: str, changed: Sequence[Entry], gone: Collection[Subject], active: Sequence[Active]) -> bool:
        """Writes what has changed; False, and nothing or not all is written, when `owner` does not watch any more."""
        wrong = orjson.dumps(active).decode()
        changes = ((entry, None) for entry in changed)
        ends = ((None, subject) for subject in gone)
        for page in _pages(chain(changes, ends)):
            fields = [(_field(*entry.key), _packed(entry)) for entry, _ in page if entry]
            ended = [_field(*subject) for _, subject in page if subject]
            if not self._store.run("alerts_write", owner, wrong, _json(fields), _json(ended)):
                return False
        return True

    def active(self) -> list[Active]:
        """What is wrong now, in one small command: at most one for each rule."""
        with self._store.guarded() as redis:
            found = redis.get(self._store.key("alerts", "active"))
        return [
            Active(**{**each, "rule": Rule(each["rule"]), "subjects": tuple(each["subjects"])})
            for each in (orjson.loads(found) if found else ())
            if each["rule"] in _RULES
        ]


_Change = tuple[Entry | None, Subject | None]


def _pages(changes: Iterable[_Change]) -> Iterator[list[_Change]]:
    """At least one, even if there is nothing on it: what is wrong now is written in any case."""
    rest = iter(changes)
    yield list(islice(rest, PAGE))
    while page := list(islice(rest, PAGE)):
        yield page


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _field(rule: Rule, subject: str) -> str:
    return f"{rule.value}:{subject}"


def _packed(entry: Entry) -> str:
    told = {destination: [to_ms(told.at), told.over] for destination, told in entry.told.items()}
    over = None if entry.over is None else to_ms(entry.over)
    return _json({"since": to_ms(entry.since), "over": over, "told": told})


def _unpacked(field: str, value: str) -> Entry:
    rule, _, subject = field.partition(":")
    known: dict[str, Any] = orjson.loads(value)
    return Entry(
        rule=Rule(rule),
        subject=subject,
        since=known["since"] / 1000,
        over=None if known["over"] is None else known["over"] / 1000,
        told={destination: Told(at / 1000, over) for destination, (at, over) in known["told"].items()},
    )
