"""A pool of connections to Redis, and commands over it that cost little more than writing and reading them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import hiredis
from redis import ConnectionPool
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

RESTED_SECONDS: Final = 0.05
"""A connection that nobody has used for longer is looked at first: Redis was started again meanwhile, or has closed
what rests. Under load there is no such connection, and no time for that.
"""


class Connections(ConnectionPool):
    """As many connections as there are callers at the same time, up to `max_connections`.

    Further callers wait for one in the order in which they came, for `timeout` seconds.
    May be used by several threads, or greenlets, at once.
    """

    def __init__(self, *, timeout: float, monotonic: Callable[[], float] = time.monotonic, **options: Any) -> None:
        self.timeout = timeout
        self._monotonic = monotonic
        super().__init__(**options)

    def reset(self) -> None:
        """Forgets all connections: redis-py's, for a process that was forked."""
        self._freed = threading.Condition()
        self._waiting = 0
        super().reset()

    def run(self, *words: str | float) -> Any:
        """The answer to one command, which is sent once. Raises what redis-py raises.

        redis-py's own way, `execute_command`, looks at each of its words, and has wrappers for retries and statistics;
        together they cost more than the command.
        After any failure but an answer of Redis itself, and when a greenlet is killed meanwhile, the connection is
        closed: nobody reads the answer to another one's command.
        """
        connection = self.get_connection()
        try:
            packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # it says one word, and takes all
            connection.send_packed_command((packed,), check_health=False)
            return connection.read_response()
        finally:
            self.release(connection)

    def get_connection(self, *_: object, **__: object) -> Any:
        """One that is connected, and the caller's until he gives it to `release`. Raises what redis-py raises."""
        self._checkpid()
        connection = self._take()
        self._in_use_connections.add(connection)
        is_ready = False
        try:
            if connection.is_connected and self._monotonic() - connection.free_since > RESTED_SECONDS:
                _look_at(connection)
            if not connection.is_connected:
                connection.connect()
            is_ready = True
        finally:
            if not is_ready:
                self.release(connection)
        return connection

    def release(self, connection: Any) -> None:
        """Takes back what `get_connection` has given; whoever has waited longest has it next."""
        self._checkpid()
        if connection not in self._in_use_connections:  # it is of another process, from which this one was forked
            return
        if connection.should_reconnect():
            connection.disconnect()
        connection.free_since = self._monotonic()
        self._in_use_connections.remove(connection)
        self._available_connections.append(connection)
        if self._waiting:
            with self._freed:
                self._freed.notify()

    def disconnect(self, inuse_connections: bool = True) -> None:
        """redis-py's, while others take and give back."""
        self._checkpid()
        in_use = tuple(self._in_use_connections) if inuse_connections else ()
        for connection in (*self._available_connections, *in_use):
            connection.disconnect()

    def _take(self) -> Any:
        if not self._waiting:  # whoever waits has the next one
            try:
                return self._available_connections.pop()
            except IndexError:
                pass
        with self._freed:
            if self._created_connections < self.max_connections:
                return self.make_connection()
            return self._wait()

    def _wait(self) -> Any:
        self._waiting += 1
        try:
            if self._waiting > 1 or not self._available_connections:
                self._freed.wait(self.timeout)
            return self._available_connections.pop()
        except IndexError:
            message = f"all {self.max_connections} connections have been in use for {self.timeout:g} s"
            raise RedisTimeout(message) from None
        finally:
            self._waiting -= 1


def _look_at(connection: Any) -> None:
    """Closes one that Redis has closed, or on which it has said something that nobody asked for."""
    with suppress(RedisError, OSError):
        if not connection.can_read():
            return
    connection.disconnect()
