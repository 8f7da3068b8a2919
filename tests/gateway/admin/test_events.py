"""The body of the live page's stream."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gateway.admin.door import COOKIE, Door, Session
from gateway.admin.events import HEARTBEAT_SECONDS, Feed
from gateway.admin.viewer import Viewer
from kimi.pool import Store
from tests.gateway.admin.desks import Office
from tests.gateway.fakes import Clock


@dataclass
class Stream:
    """A feed, and what it works with."""

    clock: Clock = field(default_factory=Clock)
    welcome: bool = True
    left: int = 0

    def __post_init__(self) -> None:
        self.viewer = Viewer(lambda: None, self.clock)
        self.feed = Feed(self.viewer, is_welcome=lambda: self.welcome, on_close=self.leave, monotonic=self.clock)

    def leave(self) -> None:
        self.left += 1


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_it_passes_on_what_its_viewer_is_told_until_that_ends(stream: Stream) -> None:
    stream.viewer.sketch(b"{}")
    assert next(stream.feed) == b"event: overview\ndata: {}\n\n"
    stream.viewer.end()
    assert list(stream.feed) == []


def test_whoever_is_signed_in_no_longer_is_told_nothing_more(stream: Stream) -> None:
    stream.welcome = False
    stream.viewer.sketch(b"{}")
    assert next(stream.feed)
    stream.viewer.sketch(b"{}")
    stream.clock.advance(HEARTBEAT_SECONDS)
    assert list(stream.feed) == []


def test_whoever_is_signed_in_stays(stream: Stream) -> None:
    for _ in range(3):
        stream.viewer.sketch(b"{}")
        stream.clock.advance(HEARTBEAT_SECONDS)
        assert next(stream.feed)


def test_it_leaves_once_also_when_nobody_has_read_of_it(stream: Stream) -> None:
    stream.feed.close()
    stream.feed.close()
    assert stream.left == 1


@pytest.fixture
def session(office: Office) -> Session:
    office.sign_in()
    cookie = office.browser.get_cookie(COOKIE, path="/admin")
    assert cookie is not None
    return Session(cookie.value, 0.0)


def door_of(office: Office) -> Door:
    return office.desk.door


def test_a_session_is_open_until_it_is_closed(office: Office, session: Session) -> None:
    door = door_of(office)
    assert door.is_open(session)
    office.page("DELETE", "/session")
    assert not door.is_open(session)


def test_while_redis_is_away_nobody_is_sent_away(session: Session, cut_off: Store) -> None:
    assert door_of(Office(cut_off)).is_open(session)


def test_whether_there_is_a_stream_can_be_asked_without_opening_it(office: Office) -> None:
    reply = office.api("HEAD", "/events")
    assert (reply.status_code, reply.content_type, reply.data) == (200, "text/event-stream", b"")
