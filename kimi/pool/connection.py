"""Connections to Redis that fail fast and never run a command twice."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool
from redis.retry import Retry

CONNECT_SECONDS = 1.0


def connect(url: str, *, timeout: float = 1.0, connections: int = 20) -> Redis:
    """A client for `url` (redis://, rediss:// or unix://) that gives up on a command after `timeout` seconds.

    redis-py's own retries would repeat a command whose reply was lost, and cost seconds while Redis is down.
    The pool blocks when all its connections are in use, where the plain one raises.
    Connecting happens with the first command.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return Redis(connection_pool=pool)


def connect_listener(url: str) -> Redis:
    """A client for blocking reads: no time limit, and a ping after 15 s of silence finds a connection that died."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=2,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_SECONDS,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return Redis(connection_pool=pool)
