"""What goes on behind the requests: renewing leases, deleting chats, counting what is left."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import gevent
import pytest

from gateway.cleanup import ChatRemover
from gateway.deletions import AT_ONCE
from gateway.ledger import HELD_SECONDS, LEFT_SECONDS, Ledger
from kimi.accounts import Account, Kind, Record, State
from kimi.errors import Overloaded, StoreUnavailable, TokenRejected, Unreachable
from kimi.pool import Bookmark, Conversation
from kimi.pool.chats import StandingChat
from tests.gateway.scripted import ScriptedUpstream
from tests.kimi.pool.pools import web

ACCOUNT = web("a")


class Directory:
    """Knows one account."""

    def __init__(self, access: str | None) -> None:
        self.access = access

    def get(self, name: str) -> Record | None:
        if self.access is None:
            raise StoreUnavailable("down")
        return Record(account=ACCOUNT, state=State.ACTIVE, version=2, stored_refresh="r", stored_access=self.access)


class Book:
    """Notes what is written; out of reach on demand."""

    def __init__(self) -> None:
        self.written: list[dict[str, float | None]] = []
        self.down = False

    def note(self, waits: Mapping[StandingChat, float | None]) -> int:
        if self.down:
            raise StoreUnavailable("down")
        self.written.append({chat.id: wait for chat, wait in waits.items()})
        return 0


class Records:
    """Keeps nothing, and has ended what it is asked for, but for some."""

    def __init__(self, *others: str) -> None:
        self.others = others
        self.asked: list[list[str]] = []

    def keep(self, bookmark: Bookmark) -> None:
        raise AssertionError(bookmark)

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None:
        raise AssertionError(f"{key} {hold}")

    def end(self, kept: Sequence[tuple[str, Conversation]]) -> list[bool]:
        self.asked.append([key for key, _ in kept])
        return [key not in self.others for key, _ in kept]


def remove(upstream: ScriptedUpstream, directory: Directory, *, enabled: bool = True, book: Book | None = None) -> None:
    ledger = Ledger(book or Book())
    remover = ChatRemover({Kind.KIMI: upstream}, directory, ledger, Records(), enabled=enabled, pauses=(0.0, 0.0, 0.0))
    chats = remover.collecting(ACCOUNT, "old")
    chats.append("c1")
    assert ledger.held == enabled
    ledger.flush()
    chats.close()
    assert remover.join(5)
    assert (remover.pending, ledger.held) == (0, 0)
    ledger.flush()


def test_a_chat_is_deleted_at_once() -> None:
    upstream = ScriptedUpstream()
    remove(upstream, Directory("new"))
    assert upstream.deleted == [("c1", "old")]


def test_a_token_that_was_replaced_meanwhile_is_looked_up() -> None:
    upstream = ScriptedUpstream(deletions=[TokenRejected("401")])
    remove(upstream, Directory("new"))
    assert upstream.deleted == [("c1", "new")]


@pytest.mark.parametrize("directory", [Directory(None), Directory("")])
def test_without_a_newer_token_the_old_one_is_tried_again(directory: Directory) -> None:
    upstream = ScriptedUpstream(deletions=[TokenRejected("401")])
    remove(upstream, directory)
    assert upstream.deleted == [("c1", "old")]


def test_a_chat_is_on_record_until_it_is_deleted() -> None:
    book = Book()
    remove(ScriptedUpstream(), Directory("new"), book=book)
    assert book.written == [{"c1": HELD_SECONDS}, {"c1": None}]


def test_trouble_is_waited_out_for_a_moment_and_then_left_to_the_refresher(caplog: pytest.LogCaptureFixture) -> None:
    upstream, book = ScriptedUpstream(deletions=[Unreachable("1"), Overloaded("2")]), Book()
    remove(upstream, Directory("new"), book=book)
    assert upstream.deleted == [("c1", "new")]
    assert book.written[-1] == {"c1": None}

    upstream = ScriptedUpstream(deletions=[Unreachable("1"), Overloaded("2"), TokenRejected("3")])
    with caplog.at_level(logging.INFO):
        remove(upstream, Directory("new"), book=book)
    assert upstream.deleted == []
    assert book.written[-1] == {"c1": LEFT_SECONDS}
    assert "a chat of account a is left to the refresher: 3" in caplog.text


def test_a_mistake_of_ours_leaves_the_chat_to_the_refresher_too() -> None:
    book = Book()
    remove(ScriptedUpstream(deletions=[ZeroDivisionError()]), Directory("new"), book=book)
    assert book.written[-1] == {"c1": LEFT_SECONDS}


def test_chats_are_kept_when_the_operator_wants_them() -> None:
    upstream, book = ScriptedUpstream(), Book()
    remove(upstream, Directory("new"), enabled=False, book=book)
    assert upstream.deleted == []
    assert book.written == []


def test_not_all_are_deleted_at_the_same_moment() -> None:
    class Slow(ScriptedUpstream):
        at_once = most = 0

        def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            gevent.idle()
            self.at_once -= 1
            super().delete_chat(chat_id, account, token)

    upstream = Slow()
    remover = ChatRemover({Kind.KIMI: upstream}, Directory("new"), Ledger(Book()), Records())
    chats = remover.collecting(ACCOUNT, "token")
    for number in range(3 * AT_ONCE):
        chats.append(f"c{number}")
    chats.close()
    assert remover.join(5)
    assert len(upstream.deleted) == 3 * AT_ONCE
    assert 1 < upstream.most <= AT_ONCE
