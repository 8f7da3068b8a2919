"""The proxy itself: what it breaks has to look broken from both ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from devtools.waiting import until
from tests.faults.proxy import Proxy
from tests.ports import free_port


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says back what it hears."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(100):
                    connection.sendall(data)
            except ConnectionResetError:
                return

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listener.getsockname()
        over.set()
        socket.create_connection(listener.getsockname()).close()
        accepting.join()


@pytest.fixture
def proxy(echo: tuple[str, int]) -> Iterator[Proxy]:
    with Proxy([echo]) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert said(client, b"hello") == b"hello"
        yield client


def said(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(100)


def test_it_passes_on_both_ways_and_its_end_is_the_ends_of_both(proxy: Proxy, client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""
    until(lambda: proxy.open == 0, what="the connection is gone")


def test_a_reset_is_a_reset(proxy: Proxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as another:
        assert said(another, b"again") == b"again"


def test_a_partition_is_silent_and_heals_without_a_loss(proxy: Proxy, client: socket.socket) -> None:
    proxy.freeze()
    client.sendall(b"lost?")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(100)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.1) as another:
        another.sendall(b"too?")
        with pytest.raises(TimeoutError):
            another.recv(100)
        proxy.heal()
        client.settimeout(5)
        another.settimeout(5)
        assert (client.recv(100), another.recv(100)) == (b"lost?", b"too?")


def test_what_is_delayed_comes_late_and_whole(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(0.1)
    begun = time.monotonic()
    assert said(client, b"hello") == b"hello"
    assert time.monotonic() - begun >= 0.2, "the same time each way"


def test_an_answer_is_truncated(proxy: Proxy) -> None:
    proxy.truncate(3)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert (said(client, b"hello"), client.recv(100)) == (b"hel", b"")


def test_nobody_listens_until_it_heals(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as another:
        assert said(another, b"again") == b"again"


def test_as_a_balancer_it_skips_who_refuses(echo: tuple[str, int]) -> None:
    with Proxy([("127.0.0.1", free_port()), echo]) as balancer:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", balancer.port), timeout=5) as client:
                assert said(client, b"hello") == b"hello"
