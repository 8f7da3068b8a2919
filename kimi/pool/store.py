"""The door to Redis: key names, scripts, and one error for all that Redis can do to us."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, RedisError

from kimi.errors import StoreUnavailable
from kimi.pool.fuse import Fuse
from kimi.pool.replicas import Replicas
from kimi.pool.scripts import digest, source
from kimi.pool.vault import Vault
from kimi.pool_name import POOL, prefix_of

PREFIX: Final = prefix_of(POOL)
"""How the keys begin of a pool that was given no name."""


def to_ms(seconds: float) -> int:
    """Seconds as the integer milliseconds that Redis holds."""
    return round(seconds * 1000)


class Store:
    """Runs the scripts of one pool against one Redis.

    `clock` gives Unix seconds. Without it scripts use Redis's own clock, which is one clock for all replicas, and plain
    reads use this process's; tests pass their own.
    With a `fuse` the first failure ends it: nothing is sent any more until the fuse is mended.
    Secrets go through its `vault` on their way in and out; without keys they stand there as they are.
    What must not be lost counts as stored once the `replicas` have it.
    """

    def __init__(
        self,
        redis: Redis,
        pool: str = POOL,
        *,
        replicas: Replicas | None = None,
        vault: Vault | None = None,
        clock: Callable[[], float] | None = None,
        fuse: Fuse | None = None,
    ) -> None:
        # redis-py types every answer as a union over both decode modes; ours are always str.
        self.redis: Any = redis
        self.vault = vault or Vault()
        self.prefix = prefix_of(pool)
        self.replicas = replicas or Replicas()
        self._clock = clock
        self._guard = _Guard(redis, fuse)
        self._scripts: dict[str, Script] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes all connections."""
        self.redis.close()

    def key(self, *parts: str) -> str:
        """The full name of a key."""
        return self.prefix + ":".join(parts)

    def now(self) -> float:
        """Unix seconds by this process's clock (or the test's)."""
        return self._clock() if self._clock else time.time()

    def script(self, name: str) -> Script:
        """The script `name`; redis-py sends its text again whenever Redis has forgotten it."""
        if name not in self._scripts:
            self._scripts[name] = self.redis.register_script(source(name))
        return self._scripts[name]

    def arguments(self, *args: str | float) -> tuple[list[str], list[str | float]]:
        """KEYS and ARGV in the form that every script expects."""
        return [self.prefix], [to_ms(self._clock()) if self._clock else 0, *args]

    def bar(self, error: StoreUnavailable | None) -> None:
        """Every command raises `error` from now on, and none is sent; with None they are sent again."""
        self._guard.barred = error

    def guarded(self) -> _Guard:
        """The client, for commands of its own; whatever redis-py raises in the block becomes `StoreUnavailable`."""
        return self._guard

    def run(self, name: str, *args: str | float) -> Any:
        """Runs a script. Raises `StoreUnavailable`."""
        now = to_ms(self._clock()) if self._clock else 0
        with self._guard as redis:
            run = redis.connection_pool.run
            try:
                return run("EVALSHA", digest(name), 1, self.prefix, now, *args)
            except NoScriptError:  # Redis is new, or was started again
                return run("EVAL", source(name), 1, self.prefix, now, *args)

    def ping(self) -> None:
        """Returns when Redis answers. Raises `StoreUnavailable`."""
        with self.guarded() as redis:
            redis.ping()

    def probe(self) -> None:
        """Returns when Redis takes writes, which one that is full, loading or a replica does not.

        Raises `StoreUnavailable`.
        """
        with self.guarded() as redis:
            redis.set(self.key("probe"), "", px=1000)


class _Guard:
    """The context of a command. No generator, which would take as long as half of the rest of it."""

    __slots__ = ("_fuse", "_redis", "barred")

    def __init__(self, redis: Redis, fuse: Fuse | None) -> None:
        self._redis: Any = redis
        self._fuse = fuse
        self.barred: StoreUnavailable | None = None

    def __enter__(self) -> Any:
        if self.barred is not None:
            raise self.barred.with_traceback(None)  # it is raised many times, and would grow
        if self._fuse:
            self._fuse.__enter__()
        return self._redis

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        try:
            if isinstance(error, RedisError | OSError):
                self._fail(error)
        finally:
            if self._fuse:
                self._fuse.__exit__()

    def _fail(self, error: Exception) -> None:
        message = f"Redis does not answer: {type(error).__name__}: {str(error).rstrip('.')}"  # it goes on behind
        if self._fuse and self._fuse.blow(message):
            # Those that nobody uses now may be dead without knowing, and would blow the fuse again.
            self._redis.connection_pool.disconnect(inuse_connections=False)
        raise StoreUnavailable(message) from error
