"""A failover as those see it who go on with the new master: it lacks the last writes of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def losing(redis: Any) -> Iterator[None]:
    """What is written in the block is lost with its server, and another one takes over."""
    for key in redis.scan_iter():
        redis.copy(key, key, destination_db=1, replace=True)
    yield
    redis.swapdb(0, 1)
    redis.replicaof("127.0.0.1", "1")  # nobody stands there
    redis.replicaof("no", "one")
