"""Connections to Redis that fail fast and never run a command twice."""

from __future__ import annotations

import socket
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool, Connection
from redis.retry import Retry

SECONDS = 1.0
"""How long a command may take, and making a connection at most."""


def connect(url: str, *, timeout: float = SECONDS, connections: int = 20) -> Redis:
    """A client for `url` (redis://, rediss:// or unix://) that gives up on a command after `timeout` seconds.

    redis-py's own retries would repeat a command whose reply was lost, and cost seconds while Redis is down.
    The pool blocks when all its connections are in use, where the plain one raises.
    Connecting happens with the first command; `close`, or the end of a `with`, closes every connection.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, SECONDS),
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    if pool.connection_class is Connection:  # those with TLS, and those of socket files, are others
        pool.connection_class = _Connection
    return Redis.from_pool(pool)


def connect_listener(url: str) -> Redis:
    """A client for reading what is published; a ping after each second of silence shows whether the server lives."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=2,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        health_check_interval=1,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return Redis.from_pool(pool)


class _Socket(socket.socket):
    """Sends what fits at once, as commands do.

    gevent's `sendall` asks for the size of buffers first, which is a quarter of what a whole call costs.
    """

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        sent = self.send(data, flags)
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)


class _Connection(Connection):
    def _connect(self) -> socket.socket:
        made: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        sock = _Socket(made.family, made.type, made.proto, made.detach())
        sock.settimeout(self.socket_timeout)
        return sock
