"""However many accounts there are, nobody waits long for what is remembered of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kimi.accounts import ConfiguredAccount, Record
from kimi.pool import Members
from kimi.pool.changes import PAGE, Changes
from kimi.pool.interventions import Interventions
from refresher import keepsakes as module
from refresher.keepsakes import CHECK_SECONDS, Keepsakes
from refresher.memory import Memory
from tests.kimi.pool.pools import Pool, web

COUNT = 3 * PAGE


class Counted(Members):
    """How many accounts were read."""

    read = 0

    def some(self, names: Sequence[str]) -> list[Record]:
        self.read += len(names)
        return super().some(names)

    def taken(self) -> int:
        taken, self.read = self.read, 0
        return taken


@pytest.fixture
def members(pool: Pool) -> Counted:
    hands = Interventions(pool.store)
    for number in range(COUNT):
        hands.enter(ConfiguredAccount(web(f"a{number}"), f"secret {number}"))
    return Counted(pool.store)


@pytest.fixture
def keepsakes(pool: Pool, members: Counted, monkeypatch: pytest.MonkeyPatch) -> Keepsakes:
    monkeypatch.setattr(module, "STEPS", 1)
    memory = Memory(members, pool.tokens)
    return Keepsakes(members, Changes(pool.store), Interventions(pool.store), memory, clock=pool.clock)


def check(keepsakes: Keepsakes, times: int = 1) -> None:
    for _ in range(times):
        keepsakes.check()


def test_they_are_read_a_page_at_a_time_and_one_page_soon_after_the_other(
    pool: Pool, members: Counted, keepsakes: Keepsakes
) -> None:
    check(keepsakes)
    assert members.taken() == PAGE
    check(keepsakes, times=COUNT // PAGE)
    assert members.taken() == COUNT - PAGE
    pool.clock.now += CHECK_SECONDS
    check(keepsakes, times=5)
    assert members.taken() == 0


def test_those_that_are_lost_come_back_at_once(pool: Pool, members: Counted, keepsakes: Keepsakes) -> None:
    check(keepsakes, times=COUNT)
    pool.store.redis.flushall()
    members.taken()
    pool.clock.now += CHECK_SECONDS
    check(keepsakes)
    assert members.taken() == 0, "what is there is not asked for by reading it whole"
    assert len(members.all()) == COUNT
