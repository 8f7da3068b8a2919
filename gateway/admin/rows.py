"""Accounts as the page has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

import orjson

from kimi.accounts import Record
from kimi.operating.describing import described
from kimi.pool.figures import Tally

PAGE: Final = 50
"""Accounts that are read and written in one step, which takes about 5 ms; others run in between."""


class Accounts(Protocol):
    """Reads accounts; see `kimi.operating.accounts.Accounts`."""

    def some(self, names: Sequence[str]) -> list[Record]: ...


class Tallies(Protocol):
    """Reads what they did today; see `kimi.pool.figures.Figures`."""

    def tallies(self, names: Sequence[str]) -> Mapping[str, Tally]: ...


class Rows:
    """Reads accounts page by page. Every method may raise `StoreUnavailable`."""

    def __init__(self, accounts: Accounts, figures: Tallies, clock: Callable[[], float]) -> None:
        self._accounts = accounts
        self._figures = figures
        self._clock = clock

    def pages(self, names: Iterable[str]) -> Iterator[tuple[list[str], dict[str, bytes]]]:
        """Names, and those of them that there are, each as JSON."""
        following = iter(names)
        while page := list(islice(following, PAGE)):
            tallies, now = self._figures.tallies(page), self._clock()
            found = self._accounts.some(page)
            yield (
                page,
                {
                    each.account.name: orjson.dumps(described(each, now, tallies.get(each.account.name)))
                    for each in found
                },
            )
