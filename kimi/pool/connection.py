"""Connections to Redis that fail fast, never run a command twice, and lead to who takes writes now."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AskError, ClusterDownError, ReadOnlyError, TryAgainError
from redis.retry import Retry

from kimi.pool.calls import Connections
from kimi.pool.masters import Lead, lead
from kimi.pool_name import POOL
from kimi.redis_address import parse

SECONDS = 1.0
"""How long a command may take, and making a connection at most."""
_ELSEWHERE: Final = (ReadOnlyError, AskError, TryAgainError, ClusterDownError)
"""What a server says that does not take our writes, or not now; `MovedError` is an `AskError`."""

Adapt = Callable[[socket.socket, float], Any]
"""What is made of a connected socket, which has so many seconds for each of its steps."""


def connect(
    url: str,
    pool: str = POOL,
    *,
    timeout: float = SECONDS,
    connections: int = 20,
    adapt: Adapt | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Redis:
    """A client for `url` (see `kimi.redis_address`) that gives up on a command after `timeout` seconds.

    Where there are several servers it is one for the master of that pool, wherever that is just now.
    redis-py's own retries would repeat a command whose reply was lost, and cost seconds while Redis is down.
    It has so many connections at the most: who finds all in use waits for one, for `timeout` seconds too.
    Connecting happens with the first command; `close`, or the end of a `with`, closes every connection.
    Commands go over what `adapt` makes of the sockets of servers without TLS that are no socket files.
    """
    return _client(url, pool, adapt, max_connections=connections, socket_timeout=timeout, monotonic=monotonic)


def connect_listener(url: str, pool: str = POOL) -> Redis:
    """A client for reading what is published; a ping after each second of silence shows whether the server lives."""
    return _client(url, pool, None, max_connections=2, socket_timeout=SECONDS, health_check_interval=1)


def _client(url: str, pool: str, adapt: Adapt | None, *, socket_timeout: float, **options: Any) -> Redis:
    made = _Pool.from_url(
        parse(url).server,
        timeout=socket_timeout,
        socket_timeout=socket_timeout,
        socket_connect_timeout=min(socket_timeout, SECONDS),
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        **options,
    )
    made.connection_kwargs["lead"] = lead(url, pool)
    if made.connection_class is Connection:
        made.connection_kwargs["adapt"] = adapt
    made.connection_class = _OURS[made.connection_class]
    return Redis.from_pool(made)


def connect_to(host: str, port: int, *, like: Redis) -> Redis:
    """A client for the server that stands there, with the login and the options of a client that `connect` made."""
    options = {**like.connection_pool.connection_kwargs, "host": host, "port": port, "lead": None}
    is_local = options.pop("path", None)
    return Redis.from_pool(ConnectionPool(_Plain if is_local else like.connection_pool.connection_class, **options))


class _Pool(Connections):
    """One that leaves no connection to those that know the master."""

    def disconnect(self, inuse_connections: bool = True) -> None:
        """redis-py's."""
        super().disconnect(inuse_connections)
        lead: Lead | None = self.connection_kwargs["lead"]
        if lead is not None:
            lead.close()


class _Ours:
    """One that goes where it is led to, and closes where it meets no master, or is led elsewhere by now."""

    def __init__(self, *, lead: Lead | None, adapt: Adapt | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._lead = lead
        self._adapt = adapt

    def _connect(self) -> Any:
        if self._lead:
            self.host, self.port = self._lead.find()
        made: socket.socket = super()._connect()  # type: ignore[misc]
        return self._adapt(made, self.socket_timeout or SECONDS) if self._adapt else made  # type: ignore[attr-defined]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """redis-py's, on a new connection where this one leads to the wrong server."""
        if self._lead and self._lead.place != (self.host, self.port):
            self.disconnect()  # type: ignore[attr-defined]
        super().send_packed_command(command, check_health)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        """redis-py's; behind the answer of a server that takes no writes the next command looks for another one."""
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except _ELSEWHERE:
            self.disconnect()  # type: ignore[attr-defined]
            raise


class _Plain(_Ours, Connection):
    pass


class _Tls(_Ours, SSLConnection):
    pass


class _SocketFile(_Ours, UnixDomainSocketConnection):
    pass


_OURS: Final[dict[Any, Any]] = {Connection: _Plain, SSLConnection: _Tls, UnixDomainSocketConnection: _SocketFile}
