"""What one viewer holds, and how it is told."""

from __future__ import annotations

import gevent
import pytest

from gateway.admin.viewer import Viewer
from gateway.admin.watcher import News
from tests.gateway.admin.sse import events
from tests.gateway.fakes import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def viewer(clock: Clock) -> Viewer:
    return Viewer(lambda: None, clock)


def row(name: str, state: str = "active") -> bytes:
    return f'{{"name":"{name}","state":"{state}"}}'.encode()


def test_of_what_was_not_read_the_latest_is_kept(viewer: Viewer) -> None:
    viewer.sketch(b'{"now":1}')
    viewer.tell(News({"a": row("a"), "b": row("b")}), 10.0)
    viewer.sketch(b'{"now":2}')
    viewer.tell(News({"a": row("a", "dead")}, ["b"]), 11.0)
    overview, accounts = events(viewer.take(0))
    assert (overview.name, overview.data) == ("overview", {"now": 2})
    assert accounts.data == {"now": 11.0, "accounts": [{"name": "a", "state": "dead"}], "removed": ["b"]}


def test_an_account_that_comes_back_is_not_gone(viewer: Viewer) -> None:
    viewer.tell(News({}, ["a"]), 10.0)
    viewer.tell(News({"a": row("a")}), 11.0)
    (told,) = events(viewer.take(0))
    assert (list(told.accounts), told.data["removed"]) == (["a"], [])


def test_what_was_told_is_not_told_again(viewer: Viewer) -> None:
    viewer.tell(News({"a": row("a")}), 10.0)
    assert viewer.take(0)
    assert viewer.take(0) == b""


def test_many_accounts_come_in_several_events(viewer: Viewer) -> None:
    names = [f"account-{number}" for number in range(600)]
    viewer.tell(News({name: row(name) for name in names}, ["gone"]), 10.0)
    told = [events(viewer.take(0))[0] for _ in range(3)]
    assert [len(each.accounts) for each in told] == [250, 250, 100]
    assert [each.data["removed"] for each in told] == [["gone"], [], []]
    assert viewer.take(0) == b""


def test_who_waits_is_woken(viewer: Viewer) -> None:
    waiting = gevent.spawn(viewer.take, 30)
    gevent.idle()  # it waits by now
    viewer.sketch(b"{}")
    assert events(waiting.get(timeout=5))


def test_an_end_wakes_as_well(viewer: Viewer) -> None:
    waiting = gevent.spawn(viewer.take, 30)
    gevent.idle()  # it waits by now
    viewer.end()
    assert waiting.get(timeout=5) == b""
    assert viewer.ended


def test_it_is_known_for_how_long_a_client_has_not_read(viewer: Viewer, clock: Clock) -> None:
    assert viewer.busy_for() == 0
    viewer.sketch(b"{}")
    viewer.take(0)
    clock.advance(31)
    assert viewer.busy_for() == 31
    waiting = gevent.spawn(viewer.take, 30)
    gevent.idle()  # it waits by now
    assert viewer.busy_for() == 0
    waiting.kill()
