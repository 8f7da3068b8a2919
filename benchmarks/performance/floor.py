"""The least that a greenlet in Python can do with a stream: it passes bytes on as they come.

    python -m benchmarks.performance.floor PORT UPSTREAM_PORT

A greenlet a connection, the system's own sockets, a watcher that stays started while an answer comes.
Of a request it reads how long it is, of an answer where it ends: its chunks go out as they came in.
For comparison: what this takes is Python, gevent and the kernel; what the gateway takes beyond it is the gateway's.
"""

from __future__ import annotations

import re
import socket
import sys
from contextlib import closing
from typing import Any

import gevent
from gevent.socket import wait_write

_READABLE = 1
_READ_BYTES = 16_384
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"  # no event ends so: its data has no line breaks but its own


class Wire:
    """A connection. It is read by one greenlet, between `listen` and `rest`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._hub: Any = gevent.get_hub()
        self._watcher: Any = self._hub.loop.io(sock.fileno(), _READABLE)

    def listen(self) -> None:
        self._watcher.start(gevent.getcurrent().switch)

    def rest(self) -> None:
        self._watcher.stop()

    def receive(self) -> bytes:
        """What has come. Raises `ConnectionResetError` where the other end has closed."""
        self._hub.switch()
        if data := self._sock.recv(_READ_BYTES):
            return data
        raise ConnectionResetError

    def send(self, data: bytes) -> int:
        """How many bytes of `data` went out without waiting."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def wait_for_room(self) -> None:
        wait_write(self._sock.fileno())

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._sock.close()


def serve(client: Wire, upstream: Wire) -> None:
    """All requests of a connection, one after the other, until somebody leaves."""
    with closing(client), closing(upstream):
        try:
            while True:
                client.listen()
                question = read_request(client)
                client.rest()
                send_all(upstream, question)
                upstream.listen()
                pass_answer(upstream, client)
                upstream.rest()
        except ConnectionError:
            return


def read_request(client: Wire) -> bytes:
    """Head and body."""
    data = client.receive()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += client.receive()
    found = _LENGTH.search(data, 0, end)
    length = end + 4 + (int(found[1]) if found else 0)
    while len(data) < length:
        data += client.receive()
    return data


def pass_answer(upstream: Wire, client: Wire) -> None:
    """Until its last chunk."""
    tail = b""
    while tail != _LAST_CHUNK:
        data = upstream.receive()
        if (sent := client.send(data)) < len(data):
            upstream.rest()
            send_all(client, data[sent:])
            upstream.listen()
        tail = (tail + data)[-len(_LAST_CHUNK) :]


def send_all(wire: Wire, data: bytes) -> None:
    while data := data[wire.send(data) :]:
        wire.wait_for_room()


def main(port: int, upstream_port: int) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener:
        listener.setblocking(False)
        watcher = gevent.get_hub().loop.io(listener.fileno(), _READABLE)
        watcher.start(lambda: gevent.spawn(welcome, listener, upstream_port))
        gevent.wait()


def welcome(listener: socket.socket, upstream_port: int) -> None:
    """One connection, and one of its own to the upstream."""
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        return
    serve(Wire(client), Wire(socket.create_connection(("127.0.0.1", upstream_port))))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
