"""What clients that read slowly, or not at all, get of a worker, and what they cost it."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import gevent
import pytest

from gateway.server.listening import BUFFER_BYTES
from gateway.server.patience import TimeLimits
from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, LARGE, Served, serving


def resident() -> int:
    """The memory of this process that is there, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def moves(served: Served) -> Iterator[bool]:
    """Whether more is written, looked at a few times."""
    for _ in range(3):
        before = served.written
        gevent.sleep(0.02)
        yield served.written > before


@pytest.mark.parametrize("path", [b"/large", b"/stream"])
def test_who_takes_nothing_is_cut_off(served: Served, path: bytes) -> None:
    with served.connect(4_096) as client:
        client.sendall(GET.replace(b"/", path, 1))
        assert client.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: not served.acceptor.pool)
    assert served.written < 1_000_000, "it went on without its reader"
    assert served.closed == (path == b"/stream"), "what a stream holds is given back"
    assert served.connections.requests == 0


def test_who_reads_slowly_gets_all_of_it(served: Served) -> None:
    with served.connect(65_536) as client:
        client.sendall(GET.replace(b"/", b"/large", 1))
        came = 0
        while came < LARGE:
            came += len(client.recv(200_000))
            gevent.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process's memory is told differently")
def test_the_memory_of_many_is_bounded() -> None:
    count = 100
    with serving(TimeLimits(), most=count) as served, ExitStack() as clients:
        before = resident()
        for _ in range(count):
            client = clients.enter_context(served.connect(4_096))
            client.sendall(GET.replace(b"/", b"/stream", 1))
        wait_until(lambda: served.connections.requests == count and not any(moves(served)))
        assert (resident() - before) / count < 64 * 1024
        assert served.written / count < 4 * BUFFER_BYTES, "what the kernel keeps is bounded as well"
        clients.close()
        wait_until(lambda: served.closed == count)
