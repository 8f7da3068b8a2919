"""Word of accounts that have died reaches every refresher, also one that was away just then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from devtools.waiting import until
from kimi.accounts import Record, State
from kimi.errors import StoreUnavailable
from kimi.pool import Members, Signals
from kimi.pool.connection import connect_listener
from kimi.pool.signals import WAKE
from kimi.pool.tokens import Credential
from refresher.beside import relay
from refresher.memory import Memory
from refresher.stopping import Stop
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import stored
from tests.refresher.house import ALICE


class Ear:
    """The thread that listens, and how often it has woken the worker."""

    def __init__(self, redis_url: str, pool: Pool) -> None:
        self.woken = 0
        self._url = redis_url
        self._pool = pool

    def tell(self, name: str) -> None:
        self._pool.store.redis.publish(self._pool.store.key(WAKE), name)

    def wake(self) -> None:
        self.woken += 1

    @contextmanager
    def listening(self, memory: Memory) -> Iterator[None]:
        """Returns from the block once the thread has ended."""
        listener, stop = connect_listener(self._url), Stop()
        thread = threading.Thread(target=relay, args=(Signals(listener), self.wake, memory, stop))
        thread.start()
        try:
            until(lambda: self.woken, what="it listens")
            yield
        finally:
            stop.set()
            self.tell("")  # it need not sit out its silence
            thread.join()
            listener.close()


@pytest.fixture
def ear(redis_url: str, pool: Pool) -> Ear:
    return Ear(redis_url, pool)


def memory_of_alice(pool: Pool, members: Members | None = None) -> Memory:
    """What a refresher remembers that has exchanged her token several times since."""
    memory = Memory(members or pool.members, pool.tokens)
    memory.remember(stored(pool).fingerprint, Credential("newest", 7))
    return memory


def test_an_account_that_another_condemns_is_brought_back(pool: Pool, ear: Ear) -> None:
    pool.configure(ALICE)
    with ear.listening(memory_of_alice(pool)):
        pool.members.mark("alice", 1, State.DEAD, "refused")
        until(lambda: stored(pool).refresh == "newest")
        until(lambda: ear.woken == 3, what="the worker is woken at first, by her death and by her return")
    assert stored(pool).state is State.NEW


def test_an_account_that_was_condemned_while_nobody_listened_is_brought_back(pool: Pool, ear: Ear) -> None:
    pool.configure(ALICE)
    pool.members.mark("alice", 1, State.DEAD, "refused")
    with ear.listening(memory_of_alice(pool)):
        until(lambda: stored(pool).state is State.NEW)
    assert stored(pool).refresh == "newest"


def test_a_store_that_does_not_answer_is_asked_again(pool: Pool, ear: Ear) -> None:
    class Away(Members):
        failures = 2

        def all(self) -> list[Record]:
            self.failures -= 1
            if self.failures >= 0:
                raise StoreUnavailable("gone")
            return super().all()

    pool.configure(ALICE)
    pool.members.mark("alice", 1, State.DEAD, "refused")
    with ear.listening(memory_of_alice(pool, Away(pool.store))):
        until(lambda: stored(pool).state is State.NEW)
    assert stored(pool).refresh == "newest"


def test_one_that_remembers_nothing_does_not_look(pool: Pool, ear: Ear) -> None:
    class Unasked(Members):
        def all(self) -> list[Record]:
            raise AssertionError("asked")

        def get(self, name: str) -> Record | None:
            raise AssertionError("asked")

    pool.configure(ALICE)
    members = Unasked(pool.store)
    with ear.listening(Memory(members, pool.tokens)):
        pool.members.mark("alice", 1, State.DEAD, "refused")
        until(lambda: ear.woken == 2)
        ear.tell("bob")
        until(lambda: ear.woken == 3, what="it went on")


def test_what_nobody_understands_leaves_nobody_deaf(pool: Pool, ear: Ear) -> None:
    pool.configure(ALICE)
    memory = memory_of_alice(pool)
    with structlog.testing.capture_logs() as lines, ear.listening(memory):
        pool.store.redis.hset(pool.store.key("account", "by hand"), "note", "1")
        ear.tell("by hand")
        until(lambda: [line["account"] for line in lines if line["log_level"] == "error"] == ["by hand"])
        pool.members.mark("alice", 1, State.DEAD, "refused")
        until(lambda: stored(pool).refresh == "newest")
