"""Commands to Redis that cost little more than writing and reading them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import hiredis
from redis import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

RESTED_SECONDS: Final = 0.05
"""A connection that nobody has used for longer is looked at first: Redis was started again meanwhile, or has closed
what rests. Under load there is no such connection, and no time for that.
"""
MOST: Final = 64
"""Connections of one client. Redis answers one command after the other; more only help where it is far away."""


class Calls:
    """Runs single commands on connections of its own, as many as there are callers at the same time, up to `most`.

    Further callers wait for one in the order in which they came, for as long as `client` waits for an answer.

    redis-py's own way, `execute_command`, polls a connection before each command, looks at each of its words, and has
    wrappers for retries, pools and statistics; together they cost three times as much as the command.
    Connections are made, and closed, like all others of `client`. May be used by several threads, or greenlets, at
    once.
    """

    def __init__(self, client: Redis, *, most: int = MOST, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool: Any = client.connection_pool  # redis-py leaves it untyped
        self._monotonic = monotonic
        self._idle: list[tuple[Any, float]] = []  # with the time since when
        self._most = most
        self._made = 0
        self._freed = threading.Condition()
        self._waiting = 0

    def run(self, *words: str | float) -> Any:
        """The answer to one command, which is sent once. Raises what redis-py raises.

        After any failure but an answer of Redis itself, and when a greenlet is killed meanwhile, the connection is
        closed: nobody reads the answer to another one's command.
        """
        connection, since = self._take()
        try:
            if self._monotonic() - since > RESTED_SECONDS:
                _look_at(connection)
            packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # it says one word, and takes all
            connection.send_packed_command((packed,), check_health=False)
            return connection.read_response()
        finally:
            self._idle.append((connection, self._monotonic()))
            if self._waiting:
                with self._freed:
                    self._freed.notify()

    def disconnect(self) -> None:
        """Closes the connections that nobody uses now."""
        for connection, _ in self._idle:
            connection.disconnect()

    def _take(self) -> tuple[Any, float]:
        if not self._waiting:  # whoever waits has the next one
            try:
                return self._idle.pop()
            except IndexError:
                pass
        with self._freed:
            if self._made < self._most:
                self._made += 1
                return self._pool.make_connection(), self._monotonic()
            return self._wait()

    def _wait(self) -> tuple[Any, float]:
        self._waiting += 1
        try:
            if self._waiting > 1 or not self._idle:
                self._freed.wait(self._pool.timeout)
            return self._idle.pop()
        except IndexError:
            message = f"all {self._most} connections have been in use for {self._pool.timeout:g} s"
            raise RedisTimeout(message) from None
        finally:
            self._waiting -= 1


def _look_at(connection: Any) -> None:
    """Closes one that Redis has closed, or on which it has said something that nobody asked for."""
    if not connection.is_connected:
        return
    with suppress(RedisError, OSError):
        if not connection.can_read():
            return
    connection.disconnect()
