"""A later release that keeps something elsewhere, in two versions: one expands, the next contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kimi.pool import Store
from kimi.pool.hashes import account_names, read
from kimi.pool.migrating import Migration
from kimi.pool.schema import FIRST, HISTORY, Change, Schema
from kimi.pool.store import PREFIX

PAGE = 10
"""Small, so that a few accounts are many pages."""
LAST = HISTORY[-1].version
NEXT = (*HISTORY, Change(LAST + 1, "9.0.0", oldest=LAST))
"""What a release knows with which this one can still work, and what one knows with which it cannot any more."""
AFTER_THAT = (*NEXT, Change(LAST + 2, "9.1.0", oldest=LAST + 1))
FIRST_ALONE = (Change(1, FIRST, oldest=1),)


@dataclass
class Steps:
    """Gives every account a `tier` made of its priority, then takes the `note` away; says what it was begun with."""

    begun: list[str] = field(default_factory=list)
    pages: int = 0

    def expand(self, store: Store, mark: str) -> Iterator[str]:
        for page in self._pages(store, mark):
            rows = read(store, [f"account:{name}" for name in page], ("priority",))
            with store.guarded() as redis:
                for name, row in zip(page, rows, strict=True):
                    redis.hset(store.key("account", name), "tier", row["priority"])
            yield page[-1]

    def contract(self, store: Store, mark: str) -> Iterator[str]:
        for page in self._pages(store, mark):
            with store.guarded() as redis:
                for name in page:
                    redis.hdel(store.key("account", name), "note")
            yield page[-1]

    def _pages(self, store: Store, mark: str) -> Iterator[list[str]]:
        self.begun.append(mark)
        names = [name for name in account_names(store) if name > mark]
        for start in range(0, len(names), PAGE):
            self.pages += 1
            yield names[start : start + PAGE]

    def history(self, release: str) -> Sequence[Change]:
        """What is known to a release of these three: 0.1.0, 0.3.0, 0.4.0."""
        changes = [
            Change(1, FIRST, oldest=1),
            Change(2, "0.2.0", oldest=1),
            Change(3, "0.3.0", oldest=2, step=self.expand),
            Change(4, "0.4.0", oldest=3, step=self.contract),
        ]
        return [change for change in changes if change.release <= release]


def schema(store: Store, release: str, steps: Steps | None = None, name: str = "") -> Schema:
    """As a release sees it that stands in `Steps.history`."""
    return Schema(store, name, history=(steps or Steps()).history(release), release=release)


@dataclass
class Process:
    """A process of a release that comes to a store and takes its time."""

    store: Store
    release: str
    steps: Steps = field(default_factory=Steps)
    pauses: list[float] = field(default_factory=list)

    @property
    def schema(self) -> Schema:
        return schema(self.store, self.release, self.steps)

    def start(self) -> bool:
        return Migration(self.schema, pause=self.pauses.append).run()


def upgrade(store: Store, history: Sequence[Change]) -> None:
    """A process of the last release of `history` starts."""
    assert Migration(Schema(store, history=history, release=history[-1].release), pause=lambda _: None).run()


def fill(store: Store, count: int) -> list[str]:
    """So many accounts as a release wrote them that knew of nothing else; their names."""
    names = [f"a-{number:03}" for number in range(count)]
    pipe = store.redis.pipeline()
    for number, name in enumerate(names):
        pipe.sadd(f"{PREFIX}accounts", name)
        pipe.hset(f"{PREFIX}account:{name}", mapping={"priority": str(number % 3), "note": "old"})
    pipe.execute()
    return names
