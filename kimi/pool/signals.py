"""How the processes wake each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from kimi.pool_name import POOL, prefix_of

UNANSWERED = 2  # pings, one a second in silence; with more than that the connection is taken for dead
WAKE = "wake"  # for the refresher: an account's name


def freed(worker: str) -> str:
    """The channel on which a gateway's worker is told whose turn it is: tickets."""
    return f"freed:{worker}"


class Signals:
    """Messages over Redis's publish and subscribe.

    They are hints: one that is lost costs time, never correctness, because what it announces stands in Redis too.
    """

    def __init__(self, listener: Redis, pool: str = POOL, *, pause: Callable[[float], object] = time.sleep) -> None:
        self._redis = listener
        self._prefix = prefix_of(pool)
        self._pause = pause

    def listen(self, channel: str, *, poll: float = 1.0) -> Generator[str | None]:
        """Yields what is published on `channel`, and an empty text after `poll` seconds without.

        None says that messages before it may be lost.
        The first None says that it listens. It reconnects by itself and never ends; close the iterator to stop.
        """
        while True:
            pubsub: PubSub = self._redis.pubsub()  # type: ignore[no-untyped-call]
            try:
                pubsub.subscribe(self._prefix + channel)
                while True:
                    message = pubsub.get_message(timeout=poll)
                    if pubsub.health_check_response_counter > UNANSWERED:
                        raise TimeoutError("Redis answers no ping")
                    if message is None:
                        yield ""
                    else:
                        yield message["data"] if message["type"] == "message" else None
            except (RedisError, OSError):
                yield None
                self._pause(poll)
            finally:
                pubsub.close()
