"""Chats that wait for their deletion cost little, and Redis is asked for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import pytest

from gateway.deletions import GATHERED_SECONDS, Deletions, Doomed
from gateway.ledger import LEFT_SECONDS, Ledger
from kimi.errors import StoreUnavailable, Unreachable
from kimi.pool import Conversation
from kimi.pool.chats import StandingChat
from tests.gateway.scripted import ScriptedUpstream, wait_until
from tests.gateway.test_background import ACCOUNT, Book, Directory, Records
from tests.greenlets import alive


class Desk:
    """Everything around deletions."""

    def __init__(
        self, upstream: ScriptedUpstream | None = None, *, others: Sequence[str] = (), most: int = 100
    ) -> None:
        self.upstream = upstream or ScriptedUpstream()
        self.records = Records(*others)
        self.book = Book()
        self.ledger = Ledger(self.book)
        self.deletions = Deletions(Directory("new"), self.ledger, self.records, pauses=(0.0, 0.02, 0.04), most=most)

    def doomed(self, chat: str) -> Doomed:
        standing = StandingChat(chat, ACCOUNT.name)
        self.ledger.opened(standing)
        return Doomed(standing, ACCOUNT, "old", self.upstream)

    @property
    def deleted(self) -> list[str]:
        return sorted(chat for chat, _ in self.upstream.deleted)


def test_those_that_are_due_at_about_the_same_time_are_asked_for_in_one_call() -> None:
    desk = Desk(others=["k3", "k7"])
    before = len(alive())
    for number in range(10):
        desk.deletions.after(0.01 + number / 1000, desk.doomed(f"c{number}"), f"k{number}")
    assert desk.deletions.pending == 10
    assert len(alive()) == before + 1, "one waits for all of them"
    wait_until(lambda: desk.deletions.pending == 0)
    assert desk.records.asked == [[f"k{number}" for number in range(10)]]
    assert desk.deleted == [f"c{number}" for number in range(10) if number not in {3, 7}]
    wait_until(lambda: len(alive()) == before)


def test_nothing_is_deleted_before_its_time_and_an_earlier_one_does_not_wait_for_a_later() -> None:
    desk = Desk()
    desk.deletions.after(60, desk.doomed("late"), "k1")
    desk.deletions.after(0.01, desk.doomed("soon"), "k2")
    wait_until(lambda: desk.deleted == ["soon"])
    assert desk.records.asked == [["k2"]]
    assert desk.deletions.pending == 1
    assert desk.deletions.join(5)
    assert desk.deleted == ["late", "soon"]


def test_what_nobody_can_continue_is_deleted_at_once_and_nobody_is_asked() -> None:
    desk = Desk()
    desk.deletions.now(desk.doomed("c1"))
    with gevent.Timeout(GATHERED_SECONDS / 2):
        wait_until(lambda: desk.deleted == ["c1"])
    assert desk.records.asked == []


def test_a_second_try_has_the_token_of_then() -> None:
    desk = Desk(ScriptedUpstream(deletions=[Unreachable("1"), Unreachable("2")]))
    desk.deletions.now(desk.doomed("c1"))
    wait_until(lambda: desk.deletions.pending == 0)
    assert desk.upstream.deleted == [("c1", "new")]


def test_a_worker_that_ends_does_not_wait_for_a_second_try() -> None:
    desk = Desk(ScriptedUpstream(deletions=[Unreachable(str(number)) for number in range(3)]))
    desk.deletions.now(desk.doomed("c1"))
    assert desk.deletions.join(5)
    desk.ledger.flush()
    assert desk.book.written == [{"c1": LEFT_SECONDS}]


def test_what_is_too_much_is_left_to_the_refresher() -> None:
    desk = Desk(most=2)
    for number in range(4):
        desk.deletions.after(60, desk.doomed(f"c{number}"), f"k{number}")
    desk.deletions.now(desk.doomed("c9"))
    assert desk.deletions.pending == 2
    assert desk.deletions.join(5)
    assert desk.deleted == ["c0", "c1"]
    desk.ledger.flush()
    assert desk.book.written[-1]["c9"] == LEFT_SECONDS


def test_while_nobody_knows_whose_they_are_nothing_is_deleted() -> None:
    class Away(Records):
        def end(self, kept: Sequence[tuple[str, Conversation]]) -> list[bool]:
            raise StoreUnavailable("away")

    desk = Desk()
    desk.deletions = Deletions(Directory("new"), desk.ledger, Away())
    desk.deletions.after(60, desk.doomed("c1"), "k1")
    assert desk.deletions.join(5)
    assert desk.deleted == []


@pytest.mark.parametrize("count", [1, 40])
def test_a_mistake_of_ours_stops_nothing_else(count: int) -> None:
    desk = Desk(ScriptedUpstream(deletions=[ZeroDivisionError()]))
    for number in range(count + 1):
        desk.deletions.now(desk.doomed(f"c{number}"))
    assert desk.deletions.join(5)
    assert len(desk.deleted) == count
