from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from gateway.channel import Channel
from kimi.chat import Event, Finish, Text
from kimi.errors import AnswerUnread, Unreachable
from tests.gateway.scripted import wait_until

FINISH = Finish("stop")


class Reader:
    """Takes until the end, and lets the writer do the rest, which `hook` may hold up."""

    def __init__(self, channel: Channel, hook: Callable[[], object] = lambda: None, timeout: float = 5) -> None:
        self.taken: list[Event] = []
        self.consumed: list[list[Event]] = []
        self.by: set[Any] = set()
        self._channel = channel
        self._hook = hook
        self._timeout = timeout
        self.greenlet: Any = gevent.spawn(self._read)
        gevent.idle()

    def _read(self) -> None:
        while not self.taken or self.taken[-1] != FINISH:
            self.taken += self._channel.take(self._timeout, self._consume)

    def _consume(self, events: Sequence[Event]) -> None:
        self.by.add(gevent.getcurrent())
        self._hook()
        self.consumed.append(list(events))


def put(channel: Channel, *texts: str) -> None:
    for text in texts:
        channel.put(Text(text))
    channel.flush()


def test_it_hands_over_all_there_is_and_then_the_failure() -> None:
    channel = Channel()
    assert channel.take(0.01) == []
    put(channel, "a", "b")
    channel.fail(Unreachable("gone"))
    assert channel.take(1) == [Text("a"), Text("b")]
    for _ in range(2):
        with pytest.raises(Unreachable):
            channel.take(1)


def test_it_wakes_its_reader() -> None:
    channel = Channel()
    reader = gevent.spawn(channel.take, 5)
    gevent.idle()
    put(channel, "a")
    assert reader.get(timeout=1) == [Text("a")]


def test_what_was_put_before_a_failure_is_read_without_a_flush() -> None:
    channel = Channel()
    channel.put(Text("a"))
    channel.fail(Unreachable("gone"))
    assert channel.take(1) == [Text("a")]


def test_a_full_channel_holds_its_writer() -> None:
    channel = Channel(capacity=2)
    writer = gevent.spawn(put, channel, *"01234")
    gevent.idle()
    assert not writer.ready()
    assert channel.take(1) == [Text("0"), Text("1")]
    gevent.idle()
    assert channel.take(1) == [Text("2"), Text("3")]
    writer.join(1)
    assert channel.take(1) == [Text("4")]


def test_a_reader_that_waits_lets_the_writer_do_its_work_and_takes_the_end_itself() -> None:
    channel = Channel()
    reader = Reader(channel)
    put(channel, "a", "b")
    put(channel, "c")
    channel.put(Text("d"))
    channel.put(FINISH)
    reader.greenlet.get(timeout=5)
    assert reader.consumed == [[Text("a"), Text("b")], [Text("c")]]
    assert reader.by == {gevent.getcurrent()}
    assert reader.taken == [Text("d"), FINISH]


def test_a_full_channel_is_emptied_by_its_writer_while_the_reader_waits() -> None:
    channel = Channel(capacity=2)
    reader = Reader(channel)
    put(channel, *"01234")
    channel.put(FINISH)
    reader.greenlet.get(timeout=5)
    assert [len(events) for events in reader.consumed] == [2, 2, 1]


def test_only_one_is_ever_at_work() -> None:
    channel, go_on = Channel(), Flag()
    reader = Reader(channel, go_on.wait, timeout=0.01)
    writer = gevent.spawn(put, channel, "a")
    wait_until(lambda: bool(reader.by))
    wait_until(lambda: channel._consume is None)  # the reader's time is over
    channel.fail(Unreachable("gone"))
    gevent.idle()
    assert not reader.greenlet.ready(), "it may not write before the writer has written"
    go_on.set()
    with pytest.raises(Unreachable):
        reader.greenlet.get(timeout=5)
    writer.get(timeout=5)
    assert reader.consumed == [[Text("a")]]


def test_what_the_work_raises_is_the_writers() -> None:
    def refuse() -> None:
        raise AnswerUnread

    channel = Channel()
    reader = Reader(channel, refuse)
    with pytest.raises(AnswerUnread):
        put(channel, "a")
    channel.put(FINISH)
    reader.greenlet.get(timeout=5)
    assert reader.taken == [FINISH]
