"""The pool over a master that Sentinels watch, and over a cluster of three masters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from operator import methodcaller
from pathlib import Path

import pytest

from devtools.waiting import until
from kimi.errors import NotKept, StoreUnavailable
from kimi.pool import Store, connect, open_signals, open_store
from kimi.pool.locks import Past
from kimi.pool.masters import lead
from kimi.settings import CommonSettings
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.ports import free_port
from tests.valkeys import Cluster, SentinelSet, Servers, client_of, running

KINDS = [SentinelSet, Cluster]


def settings(servers: Servers, pool: str = "pool") -> CommonSettings:
    return CommonSettings.model_validate({"redis_url": servers.url, "kimi_pool": pool})


@pytest.fixture(scope="module", params=KINDS)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Those that all share who leave them whole."""
    with running(request.param(tmp_path_factory.mktemp("servers"))) as servers:
        yield servers


@pytest.fixture(params=KINDS)
def own_servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Servers]:
    """Those of one test, which need not mend what it breaks."""
    with running(request.param(tmp_path)) as servers:
        yield servers


@contextmanager
def pool_of(servers: Servers) -> Iterator[Pool]:
    with open_store(settings(servers), timeout=5) as store:
        yield Pool(store, Clock(store.now()))


@pytest.fixture
def pool(servers: Servers) -> Iterator[Pool]:
    """An empty one."""
    with client_of(servers.master) as client:
        client.flushall()
    with pool_of(servers) as pool:
        yield pool


def answers(store: Store) -> bool:
    try:
        store.probe()
    except StoreUnavailable:
        return False
    return True


def test_it_does_there_what_it_does_on_one_server(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    lease = pool.leases.acquire(KIMI)
    pool.leases.release(lease)
    assert {record.account.name for record in pool.members.all()} == {"a", "b"}


def test_who_listens_hears_what_is_published(pool: Pool, servers: Servers) -> None:
    heard = open_signals(settings(servers)).listen("wake", poll=0.1)
    with closing(heard):
        assert next(heard) is None, "it listens"
        pool.store.redis.publish(pool.store.key("wake"), "a")
        until(lambda: next(heard) == "a", what="it is heard")


def test_a_token_is_with_the_replica_when_it_is_stored(pool: Pool, servers: Servers) -> None:
    account = pool.store.key("account", "a")
    pool.configure(web("a"))
    with client_of(servers.replica) as replica:
        replica.readonly()
        for version in range(2, 12):
            pool.freshen("a")
            assert replica.hget(account, "refresh") == f"refresh-a-{version}"


def test_nothing_is_spent_or_stored_while_no_replica_has_it(pool: Pool, servers: Servers) -> None:
    pool.configure(web("a"), web("b"))
    record = pool.members.get("a")
    assert record is not None
    with pool.tokens.lock("a") as lock:
        assert lock is not None
        with servers.replica.silent(), pytest.raises(NotKept):
            lock.spend(record)
        assert lock.spend(record) is Past.NOTHING, "nobody thinks that it was cut off"
    with servers.replica.silent(), pytest.raises(NotKept):
        pool.freshen("b")


@pytest.mark.parametrize("end", [methodcaller("kill"), methodcaller("hand_over")], ids=["killed", "in peace"])
def test_another_one_takes_over_with_all_that_was_stored(
    own_servers: Servers, end: Callable[[Servers], object]
) -> None:
    servers, was = own_servers, own_servers.master
    heard, led = open_signals(settings(servers)).listen("wake", poll=0.1), lead(servers.url)
    assert led is not None
    with pool_of(servers) as pool, open_store(settings(servers)) as late, closing(heard):
        pool.fill(*(web(f"a{number}") for number in range(20)))
        before = pool.members.all()
        assert next(heard) is None
        end(servers)

        def is_there() -> bool:
            led.follow()
            return led.place == ("127.0.0.1", servers.master.port) and servers.master is not was and answers(pool.store)

        until(is_there, what="somebody took over")
        assert pool.members.all() == before
        assert Pool(late, pool.clock).leases.acquire(KIMI).account.name == "a0", "who comes late finds him too"
        wake = pool.store.key("wake")
        until(lambda: (pool.store.redis.publish(wake, "a"), next(heard))[1] == "a", what="who listened hears that one")


def test_where_nobody_knows_a_master_that_is_said(servers: Servers) -> None:
    nobody = re.sub(r"127\.0\.0\.1:\d+", lambda _: f"127.0.0.1:{free_port()}", servers.url)
    said = r"nobody says who the master is: .*Connection refused"
    with connect(nobody) as redis, pytest.raises(StoreUnavailable, match=said):
        Store(redis).ping()


def test_a_service_that_sentinels_do_not_know_is_told(servers: Servers) -> None:
    other = servers.url.replace("/main/", "/other/")
    if other != servers.url:
        with connect(other) as redis, pytest.raises(StoreUnavailable, match="No such master with that name"):
            Store(redis).ping()


def test_pools_stand_side_by_side(pool: Pool, servers: Servers) -> None:
    pool.fill(web("a"))
    with open_store(settings(servers, "other")) as store:
        other = Pool(store, pool.clock)
        other.fill(web("b"))
        heard, deaf = (open_signals(settings(servers, name)).listen("wake", poll=0.1) for name in ("other", "pool"))
        with closing(heard), closing(deaf):
            assert next(heard) is next(deaf) is None
            store.redis.publish(store.key("wake"), "b")
            until(lambda: next(heard) == "b", what="it is heard where it was said")
            assert next(deaf) == ""
        assert [record.account.name for record in other.members.all()] == ["b"]
        assert other.leases.acquire(KIMI).account.name == "b"
    assert [record.account.name for record in pool.members.all()] == ["a"]


def test_pools_of_a_cluster_have_masters_of_their_own(servers: Servers) -> None:
    if isinstance(servers, Cluster):
        names = [f"pool-{number}" for number in range(1, 9)]
        assert len({servers.master_of(name) for name in names}) == 3
        for name in names:
            with open_store(settings(servers, name)) as store, client_of(servers.master_of(name)) as master:
                Pool(store, Clock(store.now())).fill(web("a"))
                assert master.exists(store.key("account", "a"))
