"""What a worker takes of clients that pipeline without end, hang up or reset."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import ExitStack, suppress

import gevent
import pytest

from tests.gateway.scripted import wait_until
from tests.gateway.server.listening import GET, Served, post, rest


def flood(client: socket.socket, requests: int) -> None:
    """Sends one request behind the other, until the other side takes none."""
    with suppress(OSError):
        for _ in range(requests // 500):
            client.sendall(GET * 500)


def received(client: socket.socket) -> bytes:
    """What has come, nothing at the end."""
    with suppress(OSError):
        return client.recv(1 << 20)
    return b""


def test_one_that_pipelines_without_end_does_not_shut_others_out(served: Served) -> None:
    requests, greedy = 40_000, socket.create_connection(served.address)
    threads = [  # greenlets would let the worker rest
        threading.Thread(target=flood, args=(greedy, requests)),
        threading.Thread(target=lambda: all(iter(lambda: received(greedy), b""))),
    ]
    for thread in threads:
        thread.start()
    with served.connect() as other:
        wait_until(lambda: served.asked > 10)
        other.sendall(GET)
        assert other.recv(65_536).endswith(b"ok")
    assert served.asked < requests / 2
    greedy.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    greedy.close()


def test_many_that_pipeline_have_one_answer_each_before_others_have_theirs(served: Served) -> None:
    with ExitStack() as clients:
        other, *greedy = (clients.enter_context(served.connect()) for _ in range(21))
        other.sendall(GET)
        assert other.recv(65_536).endswith(b"ok")
        for each in greedy:
            each.sendall(GET * 200)
        other.sendall(GET)
        assert other.recv(65_536).endswith(b"ok")
        assert served.asked < 20 * 10


def test_one_that_pipelines_and_reads_nothing_is_cut_off(served: Served) -> None:
    with served.connect(4_096) as greedy:
        sending = gevent.spawn(greedy.sendall, GET * 50_000)
        wait_until(lambda: served.asked > 10 and not served.acceptor.pool)
        assert served.asked < 10_000
        sending.kill()


def test_one_that_says_goodbye_behind_its_request_gets_its_answer(served: Served) -> None:
    with served.connect() as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        assert rest(client).endswith(b"ok")
    wait_until(lambda: not served.acceptor.pool)


@pytest.mark.parametrize("sent", [b"", b"GET /", post(length=99) + b"x", post() + b"5\r\nx"])
def test_one_that_resets_leaves_nothing(served: Served, sent: bytes) -> None:
    client = served.connect()
    client.sendall(sent)
    wait_until(lambda: len(served.acceptor.pool) == 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    wait_until(lambda: not served.acceptor.pool)
    waits = served.connections.waits
    assert not any((waits.fresh, waits.idle, waits.heads, waits.bodies))
