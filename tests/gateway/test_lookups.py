"""Hosts are looked up beside everything else, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import gevent
import pytest

from gateway.file_room import FETCHES
from gateway.lookups import SECONDS, Lookups
from kimi.errors import Crowded
from tests.gateway.scripted import wait_until


class Slow:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        assert self.go_on.wait(10)
        return [host]


def test_others_go_on_while_names_are_looked_up() -> None:
    slow = Slow()
    lookups = Lookups(slow, at_once=2)
    waiting = [gevent.spawn(lookups, host, 80) for host in "abc"]
    wait_until(lambda: len(slow.asked) >= 2)
    assert slow.asked == ["a", "b"], "no more at a time than may"
    slow.go_on.set()
    gevent.joinall(waiting, timeout=10)
    assert [each.value for each in waiting] == [["a"], ["b"], ["c"]]


def test_what_is_not_known_in_time_is_given_up() -> None:
    slow = Slow()
    lookups = Lookups(slow, at_once=1, seconds=0.05)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        lookups("a", 80)
    with pytest.raises(Crowded) as busy:  # this one does not even come to its turn, and may come again
        lookups("b", 80)
    assert busy.value.retry_after == 0.05
    assert time.monotonic() - began < 5
    assert slow.asked == ["a"]
    slow.go_on.set()
    with gevent.Timeout(10):
        while "c" not in slow.asked:
            with suppress(Crowded):  # until the first thread is free
                assert lookups("c", 80) == ["c"]


def test_who_names_hosts_that_never_answer_leaves_others_their_threads() -> None:
    slow = Slow()
    lookups = Lookups(slow, seconds=0.1)

    def look_up(host: str) -> None:
        with suppress(TimeoutError):
            lookups(host, 80)

    for second in range(0, 30, int(SECONDS)):
        hosts = [f"{second}-{number}" for number in range(FETCHES // 2)]
        gevent.joinall([gevent.spawn(look_up, host) for host in hosts], timeout=10, raise_error=True)
    other = gevent.spawn(look_up, "other")
    wait_until(lambda: "other" in slow.asked)
    slow.go_on.set()
    other.join(10)
    assert other.ready()


def test_what_the_resolver_says_comes_through() -> None:
    assert Lookups()("127.0.0.1", 80) == ["127.0.0.1"]


def test_a_failure_is_that_of_the_resolver(capfd: pytest.CaptureFixture[str]) -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("unknown")

    with pytest.raises(OSError, match="unknown"):
        Lookups(unknown)("a", 80)
    assert capfd.readouterr().err == "", "whoever names such hosts writes nothing to the log"
