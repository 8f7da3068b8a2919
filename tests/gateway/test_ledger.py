"""Which chats this process has opened, as the pool gets to know it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event as Flag

from gateway.ledger import BETWEEN_SECONDS, HELD_SECONDS, LEFT_SECONDS, Ledger
from kimi.errors import StoreUnavailable
from kimi.pool import Chats, Store, connect
from kimi.pool.chats import StandingChat
from tests.gateway.scripted import wait_until
from tests.valkey import Valkey

ONE, TWO, THREE = (StandingChat(f"c{number}", "a") for number in (1, 2, 3))


class Book:
    """Remembers what was written; out of reach, or slow, on demand."""

    def __init__(self) -> None:
        self.written: list[dict[StandingChat, float | None]] = []
        self.down = False
        self.loses_answers = False
        self.forgets = 0

    def note(self, waits: Mapping[StandingChat, float | None]) -> int:
        if not self.down:
            self.written.append(dict(waits))
        if self.down or self.loses_answers:
            raise StoreUnavailable("down")
        return self.forgets


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def ledger(book: Book) -> Ledger:
    return Ledger(book)


def test_what_happens_together_is_written_together(book: Book, ledger: Ledger) -> None:
    ledger.opened(ONE)
    ledger.opened(TWO)
    assert ledger.flush()
    ledger.deleted(ONE)
    ledger.left(TWO)
    assert ledger.flush()
    assert book.written == [{ONE: HELD_SECONDS, TWO: HELD_SECONDS}, {ONE: None, TWO: LEFT_SECONDS}]
    assert ledger.held == 0


def test_a_chat_that_is_opened_and_deleted_at_once_is_never_written(book: Book, ledger: Ledger) -> None:
    ledger.opened(ONE)
    ledger.deleted(ONE)
    assert ledger.flush()
    assert book.written == []


def test_chats_of_running_requests_are_held(book: Book, ledger: Ledger) -> None:
    for chat in (ONE, TWO, THREE):
        ledger.opened(chat)
    ledger.flush()
    ledger.deleted(ONE)
    ledger.hold()
    ledger.left(TWO)
    ledger.flush()
    assert book.written[1] == {ONE: None, TWO: LEFT_SECONDS, THREE: HELD_SECONDS}


def test_a_chat_that_was_taken_over_is_held_without_a_note(book: Book, ledger: Ledger) -> None:
    ledger.taken(ONE)
    ledger.flush()
    assert (book.written, ledger.held) == ([], 1)
    ledger.hold()
    ledger.left(ONE, 60.0)
    ledger.flush()
    assert book.written == [{ONE: 60.0}]


def test_a_chat_that_was_taken_over_and_deleted_at_once_is_crossed_out(book: Book, ledger: Ledger) -> None:
    ledger.taken(ONE)
    ledger.opened(ONE)
    ledger.deleted(ONE)
    ledger.flush()
    assert book.written == [{ONE: None}]


def test_of_a_chat_that_was_let_go_nothing_more_is_written(book: Book, ledger: Ledger) -> None:
    ledger.opened(ONE)
    ledger.opened(TWO)
    ledger.let_go(ONE)
    ledger.hold()
    ledger.flush()
    assert book.written == [{TWO: HELD_SECONDS}]
    assert ledger.held == 1


def test_letting_go_waits_for_what_is_being_written(book: Book) -> None:
    begun, go_on = Flag(), Flag()

    def write(waits: Mapping[StandingChat, float | None]) -> int:
        begun.set()
        go_on.wait()
        book.written.append(dict(waits))
        return 0

    slow = Ledger(SimpleNamespace(note=write))
    slow.opened(ONE)
    writer = gevent.spawn(slow.flush)
    begun.wait()
    letting = gevent.spawn(slow.let_go, ONE)
    gevent.idle()
    assert not letting.ready()
    go_on.set()
    gevent.joinall([writer, letting], timeout=5)
    assert letting.ready()
    assert book.written == [{ONE: HELD_SECONDS}]
    assert slow.held == 0


def test_what_cannot_be_written_is_kept_and_told_once(
    book: Book, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.opened(ONE)
    ledger.opened(TWO)
    book.down = True
    with caplog.at_level(logging.WARNING):
        assert not ledger.flush()
        ledger.left(TWO)
        assert not ledger.flush()
    assert [record.message for record in caplog.records] == ["chats are not recorded until the store is back: down"]
    book.down = False
    assert ledger.flush()
    assert book.written == [{ONE: HELD_SECONDS, TWO: LEFT_SECONDS}]


def test_a_chat_whose_record_may_have_been_written_is_taken_out_of_it(book: Book, ledger: Ledger) -> None:
    ledger.opened(ONE)
    book.loses_answers = True
    assert not ledger.flush()
    book.loses_answers = False
    ledger.deleted(ONE)
    assert ledger.flush()
    assert book.written[-1] == {ONE: None}


def test_no_more_is_kept_than_is_allowed(book: Book) -> None:
    ledger = Ledger(book, most=2)
    book.down = True
    for chat in (ONE, TWO, THREE):
        ledger.opened(chat)
        ledger.flush()
    book.down = False
    ledger.flush()
    assert book.written == [{TWO: HELD_SECONDS, THREE: HELD_SECONDS}]


def test_chats_that_are_forgotten_are_told(book: Book, ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    book.forgets = 3
    ledger.opened(ONE)
    with caplog.at_level(logging.WARNING):
        ledger.flush()
    assert "the 3 oldest are forgotten" in caplog.text


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def running(book: Book, pauses: list[float]) -> Iterator[Ledger]:
    """A ledger that writes by itself, and waits no longer than it has to for other greenlets."""

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        gevent.idle()

    ledger = Ledger(book, pause=pause)
    writer = gevent.spawn(ledger.run)
    yield ledger
    writer.kill()


def test_that_a_chat_was_opened_is_written_at_once(running: Ledger, book: Book) -> None:
    gevent.idle()
    assert book.written == []
    running.opened(ONE)
    running.opened(TWO)
    gevent.idle()
    assert book.written == [{ONE: HELD_SECONDS, TWO: HELD_SECONDS}]


def test_under_load_all_that_comes_between_two_calls_is_in_one(book: Book) -> None:
    pauses: list[float] = []
    go_on = Flag()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        go_on.wait()

    ledger = Ledger(book, pause=pause)
    writer = gevent.spawn(ledger.run)
    ledger.opened(ONE)
    wait_until(lambda: pauses == [BETWEEN_SECONDS])
    for number in range(100):
        ledger.opened(StandingChat(f"n{number}", "a"))
        gevent.idle()
    assert book.written == [{ONE: HELD_SECONDS}]
    go_on.set()
    wait_until(lambda: len(book.written) == 2)
    assert len(book.written[1]) == 100
    writer.kill()


def test_that_a_chat_is_gone_waits_for_others(running: Ledger, book: Book) -> None:
    for chat in (ONE, TWO):
        running.opened(chat)
    gevent.idle()
    running.deleted(ONE)
    gevent.idle()
    assert len(book.written) == 1
    running.deleted(TWO)
    wait_until(lambda: len(book.written) == 2)
    assert book.written[1] == {ONE: None, TWO: None}
    running.opened(THREE)
    gevent.idle()
    assert book.written[2] == {THREE: HELD_SECONDS}


def test_it_tries_again_once_a_second_until_the_store_is_back(running: Ledger, book: Book, pauses: list[float]) -> None:
    book.down = True
    running.opened(ONE)
    wait_until(lambda: pauses.count(1.0) >= 3)
    book.down = False
    wait_until(lambda: bool(book.written))
    assert book.written == [{ONE: HELD_SECONDS}]


def test_it_survives_the_death_of_redis(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        chats = Chats(Store(redis))
        ledger = Ledger(chats)
        ledger.opened(ONE)
        ledger.flush()
        own_valkey.kill()
        ledger.opened(TWO)
        assert not ledger.flush()
        own_valkey.start()
        assert ledger.flush()
        assert chats.count() == 2
