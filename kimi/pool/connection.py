"""Connections to Redis that fail fast and never run a command twice."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool, Connection
from redis.retry import Retry

SECONDS = 1.0
"""How long a command may take, and making a connection at most."""


Adapt = Callable[[socket.socket, float], Any]
"""What is made of a connected socket, which has so many seconds for each of its steps."""


def connect(url: str, *, timeout: float = SECONDS, connections: int = 20, adapt: Adapt | None = None) -> Redis:
    """A client for `url` (redis://, rediss:// or unix://) that gives up on a command after `timeout` seconds.

    redis-py's own retries would repeat a command whose reply was lost, and cost seconds while Redis is down.
    The pool blocks when all its connections are in use, where the plain one raises.
    Connecting happens with the first command; `close`, or the end of a `with`, closes every connection.
    Commands go over what `adapt` makes of the sockets of redis://.
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
    if adapt and pool.connection_class is Connection:  # those with TLS, and those of socket files, are others
        pool.connection_class = _Adapted
        pool.connection_kwargs["adapt"] = adapt
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


class _Adapted(Connection):
    def __init__(self, *, adapt: Adapt, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._adapt = adapt

    def _connect(self) -> Any:
        made: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        return self._adapt(made, self.socket_timeout or SECONDS)
