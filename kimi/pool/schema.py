"""Which version of the schema stands in Redis, which releases may work with it, and which of them are at work.

Two releases run side by side while one takes the other's place, so that what the newer one changes has to suit both.
What stands there carries two numbers: its `version`, and the `oldest` version whose releases may still read and write
it. A release that knows the oldest one works on, however new the other is. Version 1 is what carries none.

For who changes the schema:

- Expand in one release, contract in a later one. The first writes the old form and the new one, and reads the new one
  where it is there. The next may leave the old one: the release before it knows the new one.
- Each release that changes anything has a version in `HISTORY`, with or without a step. Its `oldest` is at most what
  the release before knew (a test keeps that), and rises only for what the one before that can no longer read.
- A step converts what stands there while others serve. It is a generator: it does a page (100 accounts, or one script
  of some milliseconds), yields how far it is, and is begun again behind that, perhaps by another process, perhaps with
  what it had done already: it has to be idempotent. Nobody reads all accounts at once.
- A release reads what a version from its own `oldest` on has left, for its elders write that beside it. A step finds
  all that stands there when it begins, and nothing that elders write later.
- A process may be stopped amid a page and go on with it when another has done that page and more: a page writes by one
  script, or compares what it read.
- Where `oldest` rises, elders are told first, and have `NOTICE_SECONDS` to lay down their work.
- Whoever makes a release adds a dump of it to `tests/releases`, and its commit to the list there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kimi.errors import Outdated
from kimi.pool.sealers import LIVES_SECONDS, Sealers
from kimi.pool.store import Store, to_ms
from kimi.version import VERSION

LOOK_SECONDS: Final = 5.0
"""So often every process looks, and shows which release it is."""
NOTICE_SECONDS: Final = 2 * LOOK_SECONDS
HOLDS: Final = "Redis holds schema"
"""How it begins what is said of one that this release cannot work with."""
FIRST: Final = "0.1.0"
"""The release that neither writes a version nor looks for one."""

Step = Callable[[Store, str], Iterator[str]]
"""Converts what stands in a store behind a mark ("" is the beginning), and yields a new one behind each page."""


@dataclass(frozen=True, slots=True)
class Change:
    """A version of the schema, the release that brought it, and the oldest version whose releases may work with it."""

    version: int
    release: str
    oldest: int
    step: Step | None = None


HISTORY: Final[Sequence[Change]] = (
    Change(1, FIRST, oldest=1),
    Change(2, "0.2.0", oldest=1),  # more keys, of which 0.1.0 knows nothing and need not
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in Redis; version 0 is nothing. `release` wrote it last, and `needed` is the first that knows it.

    `noticed` are the seconds since elders were last shut out.
    """

    version: int
    oldest: int
    release: str
    needed: str
    noticed: float = math.inf

    def __str__(self) -> str:
        return f"{self.version}, written by release {self.release or FIRST}"


class Schema:
    """What stands in a store, as a release sees it that knows `history`. Every method may raise `StoreUnavailable`.

    `name` is what the process is called, where others are to see it.
    """

    def __init__(
        self, store: Store, name: str = "", *, history: Sequence[Change] = HISTORY, release: str = VERSION
    ) -> None:
        self.store = store
        self.history = history
        self.release = release
        self._member = f"{release} {name}" if name else ""

    @property
    def current(self) -> Change:
        """What this release makes of it."""
        return self.history[-1]

    def look(self) -> Standing:
        """What stands there; shows that this process lives.

        Raises `Outdated` where it is too new for this release, or nothing that any release writes.
        """
        version, oldest, release, needed, noticed = self.store.run("schema_look", to_ms(LIVES_SECONDS), self._member)
        if not (version.isdecimal() and oldest.isdecimal()):
            name = self.store.key("schema")
            raise Outdated(
                f"{HOLDS} numbers that no release writes, at {name}",
                "put back what stood there, or restore a back-up",
            )
        standing = Standing(
            int(version), int(oldest), release, needed, int(noticed) / 1000 if noticed.isdecimal() else math.inf
        )
        if standing.oldest > self.current.version:
            raise Outdated(
                f"{HOLDS} {standing}; this is release {self.release}, which knows schema {self.current.version}",
                f"start release {needed} or a newer one" if needed else "start a newer release",
            )
        return standing

    def check(self) -> None:
        """Raises `Outdated` also where nothing has converted yet what this release does not read."""
        standing = self.look()
        if 0 < standing.version < self.current.oldest:
            raise Outdated(
                f"{HOLDS} {standing}, which release {self.release} has not converted yet",
                "start its refresher, or its gateway, first",
            )

    def leave(self) -> None:
        """This process ends."""
        if self._member:
            with self.store.guarded() as redis:
                redis.zrem(self.store.key("releases"), self._member)


def at_work(store: Store) -> Mapping[str, Sequence[str]]:
    """The names of the processes that live, by their release. Raises `StoreUnavailable`.

    Those that show with which key they seal, and no release, are of the first one.
    """
    with store.guarded() as redis:
        told: list[str] = redis.zrange(store.key("releases"), 0, -1)  # who lives has taken the others out
    found: dict[str, list[str]] = {}
    for member in told:
        release, _, name = member.partition(" ")
        found.setdefault(release, []).append(name)
    known = {name for names in found.values() for name in names}
    if older := [name for name in Sealers(store).living() if name.partition(" (")[0] not in known]:
        found.setdefault(FIRST, []).extend(older)
    return {release: sorted(found[release]) for release in sorted(found)}
