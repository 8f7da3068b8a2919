"""The pool over a master that Sentinels watch, and over a cluster of three masters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from operator import methodcaller
from pathlib import Path

import pytest
from redis.crc import key_slot

from devtools.waiting import until
from kimi.errors import NotKept, StoreUnavailable
from kimi.pool import Store, connect, open_signals, open_store
from kimi.pool.locks import Past
from kimi.pool.masters import lead
from kimi.pool.sure import run_replicated
from kimi.pool.voters import by_slot
from kimi.pool_name import POOL, prefix_of
from kimi.settings import CommonSettings
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.ports import free_port
from tests.valkeys import Cluster, SentinelSet, Servers, client_of, links, running, unlinked

KINDS = [SentinelSet, Cluster]
ENDS = {"killed": methodcaller("kill"), "in peace": methodcaller("hand_over")}


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


def test_a_token_is_with_all_replicas_when_it_is_stored(pool: Pool, servers: Servers) -> None:
    account = pool.store.key("account", "a")
    pool.configure(web("a"))
    with ExitStack() as kept:
        replicas = [kept.enter_context(client_of(replica)) for replica in servers.replicas]
        for replica in replicas:
            replica.readonly()
        for version in range(2, 12):
            pool.freshen("a")
            assert {replica.hget(account, "refresh") for replica in replicas} == {f"refresh-a-{version}"}


def test_nothing_is_spent_or_stored_while_a_replica_lacks_it(pool: Pool, servers: Servers) -> None:
    pool.configure(web("a"), web("b"))
    record = pool.members.get("a")
    assert record is not None
    with pool.held("a") as lock:
        with servers.replicas[0].silent(), pytest.raises(NotKept):
            lock.spend(record)
        assert lock.spend(record) is Past.NOTHING, "nobody thinks that it was cut off"
    with servers.replicas[0].silent(), pytest.raises(NotKept):
        pool.freshen("b")


@pytest.mark.parametrize("end", ENDS)
def test_another_one_takes_over_with_all_that_was_stored(own_servers: Servers, end: str) -> None:
    servers, was = own_servers, own_servers.master
    heard, led = open_signals(settings(servers)).listen("wake", poll=0.1), lead(servers.url, POOL)
    assert led is not None
    with pool_of(servers) as pool, open_store(settings(servers)) as late, closing(heard):
        pool.fill(*(web(f"a{number}") for number in range(20)))
        before = pool.members.all()
        assert next(heard) is None
        ENDS[end](servers)

        def is_there() -> bool:
            led.follow()
            return led.place == ("127.0.0.1", servers.master.port) and servers.master is not was and answers(pool.store)

        until(is_there, what="somebody took over")
        assert pool.members.all() == before
        assert Pool(late, pool.clock).leases.acquire(KIMI).account.name == "a0", "who comes late finds him too"
        wake = pool.store.key("wake")
        until(lambda: (pool.store.redis.publish(wake, "a"), next(heard))[1] == "a", what="who listened hears that one")


def test_what_counts_as_kept_outlives_a_hand_over_in_peace(own_servers: Servers) -> None:
    servers, led, kept = own_servers, lead(own_servers.url, POOL), 0
    assert led is not None
    with pool_of(servers) as pool, ThreadPoolExecutor(1) as operator:
        pool.configure(web("a"))
        pool.store.ping()
        was = led.place
        handing_over = operator.submit(servers.hand_over)
        for number in count(1):
            if led.place != was:
                break
            with suppress(StoreUnavailable):
                run_replicated(pool.store, "postpone", "a", 1, 0, number, 0, "")
                kept = number
            led.follow()
        handing_over.result()
        with client_of(servers.master) as master:
            assert int(master.hget(pool.store.key("account", "a"), "failures")) >= kept > 0


@pytest.mark.parametrize("own_servers", [SentinelSet], indirect=True)
def test_a_replica_that_is_dead_is_not_waited_for_once_sentinels_say_so(own_servers: Servers) -> None:
    with pool_of(own_servers) as pool:
        pool.configure(web("a"))
        own_servers.replicas[0].kill()

        def is_kept() -> bool:
            with suppress(NotKept):
                pool.freshen("a")
                return True
            return False

        assert not is_kept()
        until(is_kept, what="the Sentinels say that it is dead")
        with own_servers.replicas[1].silent():
            assert not is_kept(), "the other one lives"


def test_a_standby_that_never_leads_stands_in_for_nobody_and_holds_up_nothing(tmp_path: Path) -> None:
    servers = SentinelSet(tmp_path)
    _, standby, heir, *_ = servers.servers
    standby.options = (*standby.options, "--replica-priority", "0")

    with running(servers), pool_of(servers) as pool:

        def is_kept() -> bool:
            with suppress(NotKept):
                pool.freshen("a")
                return True
            return False

        led = lead(servers.url, POOL)
        assert led is not None
        heir_alone = frozenset({("127.0.0.1", heir.port)})
        until(lambda: led.confirmed().candidates == heir_alone, what="Sentinels know who may lead")
        pool.configure(web("a"))
        with standby.silent():
            assert is_kept()
        until(lambda: is_kept() and not pool.store.replicas.lacking, what="all have it again")
        with unlinked(heir, servers.master):
            until(lambda: links(servers.master) == {standby.port}, what="the standby alone follows")
            assert led.confirmed().candidates == heir_alone
            assert not is_kept()
            assert re.search(rf"1 of 2 .*, and 127.0.0.1:{heir.port} may lead next", pool.store.replicas.lacking)
        until(is_kept, what="it follows again")


@pytest.mark.parametrize("own_servers", [SentinelSet], indirect=True)
def test_a_master_that_lives_is_used_on_where_all_sentinels_are_gone(own_servers: SentinelSet) -> None:
    with pool_of(own_servers) as pool:
        pool.fill(web("a"), web("b"))
        for sentinel in own_servers.sentinels:
            sentinel.kill()
        pool.store.redis.connection_pool.disconnect()
        pool.leases.release(pool.leases.acquire(KIMI))
        pool.freshen("a")


@pytest.mark.parametrize("own_servers", [Cluster], indirect=True)
@pytest.mark.parametrize("end", ENDS)
def test_all_nodes_of_a_cluster_come_to_tell_of_the_same_election(own_servers: Cluster, end: str) -> None:
    cluster, led = own_servers, lead(own_servers.url, POOL)
    assert led is not None
    was, before = cluster.master, led.confirmed()
    assert before.candidates == before.replicas == frozenset({("127.0.0.1", cluster.replicas[0].port)})
    ENDS[end](cluster)
    until(lambda: led.confirmed().place[1] == cluster.master.port != was.port, what="another one is elected")
    assert led.confirmed().epoch > before.epoch
    if was.process is None:
        was.start()
    slot = key_slot(prefix_of(POOL).encode())
    with client_of(was) as client:
        until(lambda: by_slot(slot, client, before.place).epoch > before.epoch, what="it has heard of it")
    until(lambda: led.confirmed().candidates == frozenset({before.place}), what="it follows")
    led.close()


def test_connections_to_those_that_know_the_master_are_kept(servers: Servers) -> None:
    def connections() -> int:
        with ExitStack() as kept:
            clients = [kept.enter_context(client_of(server)) for server in servers.servers]
            return sum(client.info("stats")["total_connections_received"] for client in clients)

    led = lead(servers.url, POOL)
    assert led is not None
    before = connections()
    for _ in range(50):
        led.confirmed()
    assert connections() - before < 50, "and three were asked each time"
    led.close()


def test_where_nobody_knows_a_master_that_is_said(servers: Servers) -> None:
    nobody = re.sub(r"127\.0\.0\.1:\d+", lambda _: f"127.0.0.1:{free_port()}", servers.url)
    said = r"nobody says who the master is: .*Connection refused"
    with connect(nobody) as redis, pytest.raises(StoreUnavailable, match=said):
        Store(redis).ping()


@pytest.mark.parametrize("servers", [SentinelSet], indirect=True)
def test_a_service_that_sentinels_do_not_know_is_told(servers: Servers) -> None:
    other = servers.url.replace("/main/", "/other/")
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


@pytest.mark.parametrize("servers", [Cluster], indirect=True)
def test_pools_of_a_cluster_have_masters_of_their_own(servers: Cluster) -> None:
    names = [f"pool-{number}" for number in range(1, 9)]
    assert len({servers.master_of(name) for name in names}) == 3
    for name in names:
        with open_store(settings(servers, name)) as store, client_of(servers.master_of(name)) as master:
            Pool(store, Clock(store.now())).fill(web(f"a-{name}"))
            assert master.exists(store.key("account", f"a-{name}"))
