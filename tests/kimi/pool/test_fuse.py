"""A Redis that has failed is not asked again, until somebody has seen it take writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from devtools.waiting import until
from kimi.accounts import ConfiguredAccount
from kimi.errors import StoreUnavailable
from kimi.pool import Members, Store, connect
from kimi.pool.fuse import Fuse
from tests.kimi.pool.pools import web
from tests.valkey import Valkey


@pytest.fixture
def fuse() -> Fuse:
    return Fuse()


@pytest.fixture
def store(own_valkey: Valkey, fuse: Fuse) -> Iterator[Store]:
    client = connect(own_valkey.url, timeout=0.2)
    yield Store(client, fuse=fuse)
    client.close()


@pytest.fixture
def outside(own_valkey: Valkey) -> Iterator[Store]:
    """A store of the same Redis without a fuse."""
    client = connect(own_valkey.url, timeout=0.2)
    yield Store(client)
    client.close()


def clients(server: Valkey) -> int:
    """How many clients the server has, this one not among them."""
    with redis.Redis.from_url(server.url) as client:
        return len(client.client_list()) - 1


def test_after_the_first_failure_nothing_is_sent(own_valkey: Valkey, store: Store, fuse: Fuse) -> None:
    reasons: list[str] = []
    fuse.when_blown(reasons.append)
    store.ping()
    own_valkey.kill()
    with pytest.raises(StoreUnavailable):
        store.ping()
    own_valkey.start()
    for use in (store.ping, store.probe, Members(store).all, lambda: store.run("abandon", "nobody")):
        with pytest.raises(StoreUnavailable, match="ConnectionError"):
            use()
    until(lambda: clients(own_valkey) == 0, what="no connection is open")
    assert len(reasons) == 1 and "ConnectionError" in reasons[0]

    fuse.mend()
    store.ping()
    assert not fuse.blown and clients(own_valkey) == 1


def test_a_silent_server_is_noticed_and_its_connections_are_not_used_again(
    own_valkey: Valkey, store: Store, fuse: Fuse
) -> None:
    store.ping()
    with own_valkey.silent(), pytest.raises(StoreUnavailable, match="Timeout"):
        store.ping()
    fuse.mend()
    store.ping()


def test_a_store_without_a_fuse_tries_each_time(own_valkey: Valkey, outside: Store) -> None:
    own_valkey.kill()
    with pytest.raises(StoreUnavailable):
        outside.ping()
    own_valkey.start()
    outside.ping()


def refuse_everything(client: redis.Redis) -> None:
    client.config_set("min-replicas-to-write", "1")


def run_out_of_memory(client: redis.Redis) -> None:
    client.config_set("maxmemory", "1")


def follow_another(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", "1")


@pytest.mark.parametrize("break_it", [refuse_everything, run_out_of_memory, follow_another])
def test_a_server_that_takes_no_writes_is_no_better_than_none(
    own_valkey: Valkey, store: Store, outside: Store, fuse: Fuse, break_it: object
) -> None:
    assert callable(break_it)
    with redis.Redis.from_url(own_valkey.url) as client:
        break_it(client)
    outside.ping()
    with pytest.raises(StoreUnavailable):
        outside.probe()
    with pytest.raises(StoreUnavailable):
        Members(store).sync([ConfiguredAccount(web("a"), "secret")])
    assert fuse.blown


def test_those_in_line_hear_of_it_at_once() -> None:
    fuse, stuck, heard = Fuse(at_once=1), threading.Event(), list[str]()

    def hang() -> None:
        with fuse:
            stuck.wait()
            fuse.blow("gone")

    def come_later() -> None:
        try:
            with fuse:
                heard.append("sent")
        except StoreUnavailable as error:
            heard.append(str(error))

    threads = [threading.Thread(target=hang), *(threading.Thread(target=come_later) for _ in range(3))]
    for thread in threads:
        thread.start()
        until(lambda: fuse.under_way == 1)
    stuck.set()
    for thread in threads:
        thread.join()
    assert heard == ["gone"] * 3
    assert not fuse.blow("again"), "it is known"
    assert fuse.under_way == 0
