"""Commands go over few connections, each once, and every caller gets his own answer."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.calls import RESTED_SECONDS, Connections
from tests.valkey import Valkey

ROOT = Path(__file__).parents[3]
KILLED = """
from gevent import monkey
monkey.patch_all()
import itertools, sys
import gevent
from kimi.pool import connect

client = connect(sys.argv[1], monotonic=itertools.count().__next__)  # every connection has rested
calls = client.connection_pool
for _ in range(3):
    assert calls.run("ECHO", "mine") == "mine"
    killed = gevent.spawn(calls.run, "ECHO", "nobody's")
    gevent.spawn(killed.kill).join()  # begins behind it, when that has asked
    assert isinstance(killed.value, gevent.GreenletExit), "and has no answer yet"
print(len(client.client_list()))
"""
CROWD = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from kimi.pool import connect

client = connect(sys.argv[1], timeout=30, connections=1)
calls, order = client.connection_pool, []

def ask(number):
    assert calls.run("ECHO", number) == str(number)
    order.append(number)

gevent.joinall([gevent.spawn(ask, number) for number in range(500)], raise_error=True)
print(order == list(range(500)), len(client.client_list()))
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(own_valkey: Valkey, clock: Clock) -> Iterator[redis.Redis]:
    client = connect(own_valkey.url, timeout=0.2, monotonic=clock)
    yield client
    client.close()


@pytest.fixture
def calls(client: redis.Redis) -> Connections:
    assert isinstance(client.connection_pool, Connections)
    return client.connection_pool


def connections(server: Valkey) -> list[str]:
    """The ids of all clients but this one."""
    with redis.Redis.from_url(server.url) as client:
        mine = str(client.client_id())
        return [each["id"] for each in client.client_list() if each["id"] != mine]


def test_one_caller_needs_one_connection(own_valkey: Valkey, calls: Connections, client: redis.Redis) -> None:
    assert [calls.run("INCR", "n") for _ in range(3)] == [1, 2, 3]
    assert len(connections(own_valkey)) == 1
    client.close()
    until(lambda: connections(own_valkey) == [])


def test_a_command_that_is_too_large_for_one_portion_arrives_whole(own_valkey: Valkey) -> None:
    with connect(own_valkey.url, timeout=10) as client:
        text = "0123456789" * 2_000_000
        assert client.connection_pool.run("SET", "long", text)
        assert client.get("long") == text


def test_callers_at_the_same_time_do_not_wait_for_each_other(own_valkey: Valkey, calls: Connections) -> None:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(calls.run("BLPOP", "q", 0.1))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert calls.run("ECHO", "mine") == "mine"
    for thread in threads:
        thread.join()
    assert answers == [None] * 3
    assert len(connections(own_valkey)) <= 4


def test_a_crowd_is_served_in_the_order_in_which_it_came(own_valkey: Valkey) -> None:
    command = [sys.executable, "-c", CROWD, own_valkey.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True 1\n", "")


def test_threads_share_few_connections(own_valkey: Valkey) -> None:
    with connect(own_valkey.url, timeout=30, connections=2) as client, ThreadPoolExecutor(20) as pool:
        calls = client.connection_pool
        asked = [str(number) for number in range(2_000)]
        assert list(pool.map(lambda number: calls.run("ECHO", number), asked)) == asked
        assert len(connections(own_valkey)) <= 2


def test_a_caller_for_whom_no_connection_gets_free_is_told(own_valkey: Valkey) -> None:
    with connect(own_valkey.url, timeout=0.2, connections=1) as client:
        client.connection_pool.get_connection()
        with pytest.raises(redis.TimeoutError, match=r"all 1 connections have been in use for 0\.2 s"):
            client.ping()


def test_a_store_has_no_more_connections_than_it_was_given_however_many_ask_it(own_valkey: Valkey) -> None:
    """Scripts and all else together."""
    with connect(own_valkey.url, timeout=30, connections=3) as client, ThreadPoolExecutor(40) as crowd:
        store = Store(client)

        def ask(number: int) -> None:
            store.run("leave", f"w.{number}")
            store.ping()

        with own_valkey.silent():
            asked = [crowd.submit(ask, number) for number in range(40)]
            until(lambda: client.connection_pool._waiting == 37)
        for each in asked:
            each.result()
        assert len(connections(own_valkey)) == 3


def test_an_error_of_redis_leaves_the_connection_in_step(own_valkey: Valkey, calls: Connections) -> None:
    calls.run("SET", "word", "x")
    before = connections(own_valkey)
    with pytest.raises(redis.ResponseError):
        calls.run("INCR", "word")
    assert calls.run("ECHO", "mine") == "mine"
    assert connections(own_valkey) == before


def test_an_answer_that_comes_too_late_is_nobody_s(own_valkey: Valkey, calls: Connections) -> None:
    assert calls.run("ECHO", "first") == "first"
    with own_valkey.silent(), pytest.raises(redis.TimeoutError):
        calls.run("ECHO", "lost")
    assert calls.run("ECHO", "mine") == "mine"


def test_what_was_sent_and_not_answered_is_not_sent_again(own_valkey: Valkey, calls: Connections) -> None:
    calls.run("SET", "n", "0")
    with own_valkey.silent(), pytest.raises(redis.TimeoutError):
        calls.run("INCR", "n")
    until(lambda: calls.run("GET", "n") == "1", what="the command has run")


def test_a_connection_that_was_closed_while_it_rested_is_not_used(
    own_valkey: Valkey, calls: Connections, clock: Clock
) -> None:
    calls.run("SET", "n", "1")
    own_valkey.kill()
    own_valkey.start()
    clock.now += 2 * RESTED_SECONDS
    assert calls.run("GET", "n") == "1"


def test_one_that_rested_and_is_well_is_used(own_valkey: Valkey, calls: Connections, clock: Clock) -> None:
    calls.run("PING")
    before = connections(own_valkey)
    clock.now += 2 * RESTED_SECONDS
    calls.run("PING")
    assert connections(own_valkey) == before


def test_a_greenlet_that_is_killed_leaves_its_connection(own_valkey: Valkey) -> None:
    command = [sys.executable, "-c", KILLED, own_valkey.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_scripts_that_redis_has_forgotten_are_told_again(client: redis.Redis) -> None:
    store = Store(client)
    assert store.run("leave", "w.1") == 1
    client.script_flush()
    assert store.run("leave", "w.1") == 1
    assert client.info("commandstats")["cmdstat_eval"]["calls"] == 2
    assert store.run("leave", "w.1") == 1
    assert client.info("commandstats")["cmdstat_eval"]["calls"] == 2
