"""Who watches, what is told, and what is remembered of it, on a real store."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from kimi.accounts import Kind, State
from kimi.alerts.notes import MOST_SUBJECTS, Note
from kimi.alerts.now import active
from kimi.pool import PrivateAccounts
from kimi.pool.alerts import AlertBook
from kimi.pool.private import private_account
from tests.kimi.alerts.receivers import Inbox
from tests.kimi.alerts.watching import House
from tests.kimi.pool.pools import web


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def test_accounts_that_are_lost_are_told_once(house: House, inbox: Inbox) -> None:
    house.pool.fill(*map(web, "abcd"), lifetime=90_000)
    guard = house.guard(inbox)
    house.passes(100, guard)
    assert inbox.heard == []
    house.dies("a", "b")
    house.dies("c", state=State.BANNED)
    house.passes(1000, guard)
    assert inbox.heard == [("dead", False, ("a", "b")), ("banned", False, ("c",))]
    assert "a, b" in inbox.notes[0].text
    assert [note.severity for note in inbox.notes] == ["warning"] * 2


def test_a_message_about_very_many_accounts_names_the_first_of_them(house: House, inbox: Inbox) -> None:
    names = [f"a{number:04}" for number in range(MOST_SUBJECTS + 1)]
    house.pool.configure(*map(web, names))
    guard = house.guard(inbox)
    for name in names:
        house.pool.members.mark(name, 1, State.DEAD, "refused")
    house.passes(30, guard)
    (note,) = (note for note in inbox.notes if note.rule == "dead")
    assert (note.subjects, note.count) == (tuple(names[:-1]), len(names))


def test_a_second_watcher_waits_and_goes_on_where_the_first_ended(house: House, inbox: Inbox) -> None:
    other = Inbox()  # the same place as the second process knows it
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    first, second = house.guard(inbox), house.guard(other)
    first.look()
    house.dies("a")
    house.passes(20, first)
    house.passes(20, second)
    assert (inbox.heard, other.heard) == ([("dead", False, ("a",))], [])
    house.lets_go()
    house.dies("b")
    house.passes(400, second)
    house.passes(400, first)
    assert inbox.heard == [("dead", False, ("a",))]
    assert other.heard[:2] == [("dead", False, ("b",)), ("low", False, ())]


def test_one_that_ends_lets_another_watch_at_once(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    first, second = house.guard(inbox), house.guard(inbox)
    first.look()
    house.dies("a")
    house.passes(10, first)
    first.watcher.end()
    house.passes(400, second)
    assert inbox.heard == [("dead", False, ("a",))]


def test_what_has_arrived_is_not_sent_again_though_the_store_was_away(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    guard = house.guard(inbox)
    guard.look()
    house.dies("a")
    guard.look()
    house.pool.clock.now += 10
    guard.look()
    assert inbox.heard == [("dead", False, ("a",))]
    # Before it was written down, the store took no commands for a while.
    with house.full():
        guard.look()
    house.passes(400, guard)
    assert inbox.heard == [("dead", False, ("a",))]


def test_what_arrives_while_something_else_is_written_is_not_sent_again(house: House) -> None:
    class Late(Inbox):
        """Takes a note when the store is written to."""

        gate = threading.Event()
        done = threading.Event()
        sent = threading.Event()

        def deliver(self, note: Note) -> None:
            assert self.gate.wait(10)
            super().deliver(note)
            self.done.set()

    class Book(AlertBook):
        def write(self, *args: Any) -> bool:
            if late.sent.is_set():
                late.gate.set()
                assert late.done.wait(10)
            return super().write(*args)

    house.pool.fill(*map(web, "abc"), lifetime=90_000)
    late = Late()
    guard = house.guard(late, book=Book)
    guard.watcher.check()
    house.dies("a")
    guard.watcher.check()
    house.pool.clock.now += 6
    guard.watcher.check()
    late.sent.set()
    house.dies("b")
    guard.watcher.check()
    house.passes(200, guard)
    assert late.heard == [("dead", False, ("a",)), ("dead", False, ("b",))]


def test_a_low_pool_is_told_and_its_end(house: House, inbox: Inbox) -> None:
    house.pool.fill(*map(web, "abc"), lifetime=90_000)
    guard = house.guard(inbox, usable_below=3)
    house.passes(100, guard)
    house.dies("a")
    house.passes(100, guard)
    assert inbox.heard == [("dead", False, ("a",)), ("low", False, ())]
    assert "be used: 2." in inbox.notes[1].text
    assert [shown["rule"] for shown in active(house.pool.store)] == ["dead", "low"]
    house.pool.freshen("a", lifetime=90_000)
    house.passes(400, guard)
    assert sorted(inbox.heard[2:]) == [("dead", True, ("a",)), ("low", True, ())]
    assert active(house.pool.store) == []


def test_what_is_wrong_is_shown_to_those_who_look(house: House) -> None:
    names = [f"account-{number:02}" for number in range(12)]
    house.pool.fill(*map(web, names), web("good"), lifetime=90_000)
    guard = house.guard()
    house.dies(*names)
    house.passes(20, guard)
    (shown,) = active(house.pool.store, "zh")
    assert shown["rule"] == "dead"
    assert shown["since"] == house.pool.clock.now - 15
    assert shown["subject"] == "、".join(names[:10]) + " 等 12 个"
    assert shown["subject"] in shown["message"]


def test_accounts_of_clients_are_no_affair_of_the_operator(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), lifetime=90_000)
    member = private_account("refresh-of-a-client", Kind.KIMI)
    PrivateAccounts(house.pool.store).adopt(member)
    guard = house.guard(inbox)
    guard.look()
    house.dies(member.account.name)
    house.passes(400, guard)
    assert inbox.heard == []


def test_an_account_that_is_taken_out_is_no_longer_wrong(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    guard = house.guard(inbox)
    house.dies("a")
    house.passes(20, guard)
    house.pool.configure(web("b"))
    house.passes(400, guard)
    assert inbox.heard == [("dead", False, ("a",)), ("dead", True, ("a",))]


def test_a_gateway_watches_while_no_refresher_does(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), lifetime=90_000)
    gateway = house.guard(inbox, stands_in=True)
    house.passes(200, gateway)
    assert not house.pool.store.redis.exists(house.pool.store.key("alerts", "watch"))
    house.passes(70, gateway, beating=False)
    assert inbox.heard == [("silent", False, ())]
    assert "60 seconds" in inbox.notes[0].text
    # A refresher comes back, and says itself that it does.
    house.beats()
    gateway.look()
    refresher = house.guard(inbox)
    house.passes(400, refresher)
    assert inbox.heard == [("silent", False, ()), ("silent", True, ())]


def test_a_gateway_that_starts_first_waits_for_the_refresher(house: House, inbox: Inbox) -> None:
    house.beats()
    house.pool.clock.now += 3600
    gateway = house.guard(inbox, stands_in=True)
    house.passes(55, gateway, beating=False)
    assert inbox.heard == []
    house.passes(10, gateway, beating=False)
    assert inbox.heard == [("silent", False, ())]


def test_that_redis_has_lost_the_heartbeats_is_no_silence(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), lifetime=90_000)
    gateway = house.guard(inbox, stands_in=True)
    house.passes(600, gateway)
    house.pool.store.redis.flushall()
    house.passes(55, gateway, beating=False)
    assert inbox.heard == []
    house.passes(10, gateway, beating=False)
    assert inbox.heard == [("silent", False, ())]


def test_a_destination_that_is_broken_rests_longer_each_time_and_holds_up_no_other(house: House, inbox: Inbox) -> None:
    broken = Inbox(id="broken", name="broken", broken=True)
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    guard = house.guard(broken, inbox)
    house.dies("a")
    house.passes(600, guard)
    assert inbox.heard == [("dead", False, ("a",))]
    assert broken.attempts == 6  # after rests of 10, 20, 40, 80 and 160 seconds
    house.passes(3000, guard)
    assert broken.attempts == 16  # and of five minutes each
    broken.broken = False
    house.passes(300, guard)
    assert broken.heard == inbox.heard == [("dead", False, ("a",))]


def test_many_that_hang_hold_up_the_watch_for_a_moment_only(house: House, inbox: Inbox) -> None:
    class Hanging(Inbox):
        gate = threading.Event()

        def deliver(self, note: Note) -> None:
            assert self.gate.wait(60)

    house.pool.fill(web("a"), lifetime=90_000)
    hanging = [Hanging(id=f"{number}") for number in range(20)]
    guard = house.guard(*hanging, inbox)
    guard.watcher.check()
    house.dies("a")
    guard.watcher.check()
    house.pool.clock.now += 6
    began = time.monotonic()
    guard.watcher.check()
    guard.watcher.end()
    seconds = time.monotonic() - began
    Hanging.gate.set()
    assert seconds < 10
    assert inbox.heard == [("dead", False, ("a",))]


def test_a_store_that_has_lost_everything_is_looked_at_anew(house: House, inbox: Inbox) -> None:
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    guard = house.guard(inbox)
    house.dies("a")
    house.passes(20, guard)
    house.pool.store.redis.flushall()
    house.passes(20, guard)
    assert active(house.pool.store) == []
    house.pool.fill(web("a"), web("b"), lifetime=90_000)
    house.dies("b")
    house.passes(20, guard)
    assert inbox.heard == [("dead", False, ("a",)), ("dead", False, ("b",))]
