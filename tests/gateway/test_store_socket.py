"""Greenlets talk to Redis, each with its own answers, and none for longer than it may."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from typing import Final

import gevent
import pytest
import redis

from gateway.store_socket import StoreSocket
from kimi.pool import connect
from kimi.pool.calls import Connections
from tests.gateway.scripted import wait_until
from tests.valkey import Valkey

LARGE: Final = 10_000_000
"""Bytes, of which no system keeps all for a server that does not read."""


@pytest.fixture
def client(own_valkey: Valkey) -> Iterator[redis.Redis]:
    with connect(own_valkey.url, timeout=0.3, adapt=StoreSocket) as client:
        yield client


@pytest.fixture
def calls(client: redis.Redis) -> Connections:
    assert isinstance(client.connection_pool, Connections)
    return client.connection_pool


@pytest.fixture
def others(own_valkey: Valkey) -> Iterator[redis.Redis]:
    """Redis as somebody else sees it."""
    with redis.Redis.from_url(own_valkey.url, decode_responses=True) as client:
        yield client


def test_everybody_gets_his_own_answers(calls: Connections) -> None:
    def ask(number: int) -> list[object]:
        return [calls.run("ECHO", f"{number}.{each}") for each in range(5)]

    asking = [gevent.spawn(ask, number) for number in range(10)]
    assert [each.get(timeout=10) for each in asking] == [[f"{n}.{each}" for each in range(5)] for n in range(10)]


def test_whoever_waits_holds_up_nobody(calls: Connections, others: redis.Redis) -> None:
    waiting = gevent.spawn(calls.run, "BLPOP", "queue", 5)
    wait_until(lambda: others.info("clients")["blocked_clients"] == 1)
    assert calls.run("RPUSH", "queue", "word") == 1
    assert waiting.get(timeout=10) == ["queue", "word"]


def test_what_is_too_large_for_one_step_arrives_whole_both_ways(calls: Connections) -> None:
    text = "0123456789" * 500_000
    assert calls.run("SET", "long", text) == "OK"
    assert calls.run("GET", "long") == text


def test_a_server_that_says_nothing_is_given_up(own_valkey: Valkey, calls: Connections) -> None:
    calls.run("SET", "word", "mine")
    with own_valkey.silent(), pytest.raises(redis.TimeoutError):
        calls.run("ECHO", "lost")
    assert calls.run("GET", "word") == "mine"


@pytest.fixture
def ends() -> Iterator[tuple[StoreSocket, socket.socket]]:
    """A socket whose steps may take 0.3 seconds, and the other end of it."""
    ours, theirs = socket.socketpair()
    sock = StoreSocket(ours, 0.3)
    yield sock, theirs
    sock.close()
    theirs.close()


def test_a_server_that_takes_nothing_is_given_up_whatever_it_has_said(ends: tuple[StoreSocket, socket.socket]) -> None:
    sock, other = ends
    other.sendall(b"unread")
    with gevent.Timeout(5), pytest.raises(TimeoutError):
        sock.sendall(bytes(LARGE))


def test_a_command_is_taken_as_a_whole_in_time(ends: tuple[StoreSocket, socket.socket]) -> None:
    sock, other = ends

    def trickle() -> None:
        while other.recv(1_024):
            gevent.idle()

    sock.settimeout(0.02)  # long enough for each piece, and not for all of them
    taking = gevent.spawn(trickle)
    with gevent.Timeout(2), pytest.raises(TimeoutError):
        sock.sendall(bytes(LARGE))
    taking.kill()


def test_whoever_is_killed_takes_his_connection_along(calls: Connections, others: redis.Redis) -> None:
    killed = gevent.spawn(calls.run, "BLPOP", "queue", 5)
    wait_until(lambda: others.info("clients")["blocked_clients"] == 1)
    killed.kill()
    wait_until(lambda: others.info("clients")["blocked_clients"] == 0)
    assert calls.run("ECHO", "mine") == "mine"


def test_a_connection_that_redis_has_closed_is_not_used(own_valkey: Valkey, others: redis.Redis) -> None:
    always_rested = itertools.count().__next__
    with connect(own_valkey.url, timeout=0.3, adapt=StoreSocket, monotonic=always_rested) as client:
        client.set("word", "mine")
        assert others.client_kill_filter(_type="normal", skipme=True) == 1
        assert client.connection_pool.run("GET", "word") == "mine"
