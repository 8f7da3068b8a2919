"""Accounts that their upstream fails while it answers others: it is their own trouble then, whatever it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kimi.accounts import Account

FAILURES: Final = 3
"""So many in a row, with somebody else served on the same line between each and the next."""
MOST: Final = 1_000
"""So many accounts of a line are counted; clients may bring along any number that fail once and never come again."""


@dataclass(slots=True)
class _Row:
    failures: int = 0
    others_served: bool = True


class Strays:
    """Counts failures of single accounts. An outage of the whole upstream makes nobody a stray."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, _Row]] = {}  # by account, only those whose latest request failed

    def failed(self, account: Account) -> bool:
        """The upstream has failed `account`; whether that is to be taken for the account's own trouble."""
        rows = self._lines.setdefault(account.line, {})
        row = rows.setdefault(account.name, _Row())
        if len(rows) > MOST:
            del rows[next(iter(rows))]
        row.failures += row.others_served
        row.others_served = False
        return row.failures >= FAILURES

    def finished(self, account: Account) -> None:
        """`account` has had a whole answer; one that has only begun may break off, as those before it did."""
        rows = self._lines.get(account.line)
        if rows is None:
            return
        rows.pop(account.name, None)
        for row in rows.values():
            row.others_served = True
        if not rows:
            del self._lines[account.line]
