"""Client keys as the operator creates, edits and revokes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.client_terms import ClientLimits, ClientRefused, changes_from
from kimi.pool.clients import KEEP_SECONDS, KEY_LENGTH, MOST, PAGE, Clients, NoSuchClient, digest_of
from tests.kimi.pool.pools import Pool

TIGHT = ClientLimits(requests_per_minute=60, tokens_per_day=1_000_000, concurrent=3, models=("kimi", "kimi-k2*"))


@pytest.fixture
def clients(pool: Pool) -> Clients:
    return Clients(pool.store)


def test_a_new_key_is_found_by_its_digest_and_nowhere_written(clients: Clients, pool: Pool) -> None:
    created = clients.create(" Wang's shop 商店 ", TIGHT)

    assert len(created.key) == KEY_LENGTH and created.key.startswith("sk-kimi-")
    client = created.client
    assert (client.name, client.limits, client.created, client.revoked) == (
        "Wang's shop 商店",
        TIGHT,
        pool.clock.now,
        None,
    )
    assert created.key.startswith(client.prefix) and len(client.prefix) == len("sk-kimi-ab")
    assert clients.find(digest_of(created.key)) == clients.get(client.id) == client
    assert clients.all() == [client]
    redis = pool.store.redis
    kept = list(redis.scan_iter()) + [
        value for name in redis.scan_iter() if redis.type(name) == "hash" for value in redis.hvals(name)
    ]
    assert digest_of(created.key).hex() in kept
    assert not any(created.key[len(client.prefix) :] in text for text in kept)
    assert created.key not in repr(created)


def test_no_two_keys_are_the_same(clients: Clients) -> None:
    assert len({clients.create(f"key {n}").key for n in range(20)}) == 20


def test_a_name_is_given_once_until_its_key_is_revoked(clients: Clients, pool: Pool) -> None:
    first = clients.create("shop").client
    pool.clock.now += 1
    other = clients.create("other").client
    with pytest.raises(ClientRefused, match="There is a key named shop already"):
        clients.create("shop")
    with pytest.raises(ClientRefused, match="There is a key named shop already"):
        clients.edit(other.id, name="shop")

    clients.revoke(first.id)
    pool.clock.now += 1
    second = clients.create("shop").client
    clients.revoke(first.id)  # once more, which frees nobody's name

    assert [client.name for client in clients.all()] == ["shop", "other", "shop"]
    with pytest.raises(ClientRefused):
        clients.create("shop")
    assert clients.edit(second.id, name="shop", limits=changes_from(TIGHT.described())).limits == TIGHT


def test_of_many_who_want_a_name_one_has_it(redis_url: str) -> None:
    with connect(redis_url) as one, connect(redis_url) as other, ThreadPoolExecutor(20) as threads:
        desks = [Clients(Store(redis)) for redis in (one, other)]

        def create(n: int) -> bool:
            try:
                desks[n % 2].create("shop")
            except ClientRefused:
                return False
            return True

        assert sum(threads.map(create, range(40))) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 65, "a\nb", "a\x00", "1", "42", "passthrough", "admin", "sk-kimi-abc", " eyJhbGci"]
)
def test_what_is_no_name_is_refused(clients: Clients, name: str) -> None:
    client = clients.create("good").client
    with pytest.raises(ClientRefused):
        clients.create(name)
    with pytest.raises(ClientRefused):
        clients.edit(client.id, name=name)
    assert clients.all() == [client]


def test_editing_changes_what_it_names(clients: Clients) -> None:
    client = clients.create("shop", TIGHT).client

    assert clients.edit(client.id, name="store").limits == TIGHT
    edited = clients.edit(client.id, limits={"concurrent": 1, "models": None})
    assert (edited.name, edited.limits) == ("store", replace(TIGHT, concurrent=1, models=None))
    assert (edited.digest, edited.created, edited.prefix) == (client.digest, client.created, client.prefix)
    assert clients.create("shop").client.name == "shop"  # it is free again
    with pytest.raises(NoSuchClient):
        clients.edit("0" * 16, name="nobody")


def test_a_revoked_key_opens_nothing_and_is_listed_for_a_time(clients: Clients, pool: Pool) -> None:
    created = clients.create("shop", TIGHT)
    pool.clock.now += 60
    revoked = clients.revoke(created.client.id)

    assert revoked.revoked == pool.clock.now
    assert clients.find(digest_of(created.key)) is None
    pool.clock.now += 60
    assert clients.revoke(revoked.id) == revoked  # when it was first
    assert clients.all() == [revoked]
    with pytest.raises(ClientRefused, match="revoked"):
        clients.edit(revoked.id, name="again")
    with pytest.raises(NoSuchClient):
        clients.revoke("0" * 16)

    redis = pool.store.redis
    left = redis.pttl(pool.store.key("client", revoked.id)) / 1000
    assert KEEP_SECONDS - 60 < left <= KEEP_SECONDS
    redis.delete(pool.store.key("client", revoked.id))  # as when that time is over
    assert clients.all() == [] and redis.zcard(pool.store.key("clients")) == 0


def test_changes_are_told_in_pages(clients: Clients) -> None:
    assert clients.all() == []
    made = [clients.create(f"key {n}").client for n in range(PAGE + 2)]

    first = clients.since(0)
    rest = clients.since(first.number)
    assert (first.number, first.latest, rest.number) == (PAGE, PAGE + 2, PAGE + 2)
    assert [*first.clients, *rest.clients] == made
    assert {client.id for client in clients.all()} == {client.id for client in made}

    revoked = clients.revoke(made[7].id)
    assert clients.since(rest.number).clients == (revoked,)
    assert clients.since(rest.number + 1).clients == ()
    assert clients.since(1_000_000).latest == rest.number + 1  # below what is known


def test_there_are_not_any_number_of_keys(clients: Clients, pool: Pool) -> None:
    client = clients.create("first").client
    pool.store.redis.hset(pool.store.key("clients:names"), mapping={f"name {n}": "0" * 16 for n in range(MOST - 1)})
    with pytest.raises(ClientRefused, match="revoke one"):
        clients.create("one more")
    clients.revoke(client.id)
    clients.create("one more")


def test_without_redis_nothing_is_created(unused_port: int) -> None:
    with pytest.raises(StoreUnavailable):
        Clients(Store(connect(f"redis://127.0.0.1:{unused_port}"))).create("shop")


def test_what_is_created_or_revoked_is_on_disk(clients: Clients, pool: Pool) -> None:
    def waits() -> int:
        return int(pool.store.redis.info("commandstats").get("cmdstat_waitaof", {"calls": 0})["calls"])

    before = waits()
    created = clients.create("shop")
    after_creating = waits()
    clients.revoke(created.client.id)
    assert before < after_creating < waits()


def test_only_ids_name_keys_and_not_what_redis_keeps_beside_them(pool: Pool, clients: Clients) -> None:
    client = clients.create("shop", TIGHT).client
    pool.store.redis.rpush(pool.store.key("client", client.id, "recent"), "1")
    for wrong in (f"{client.id}:recent", f"x{client.id}", "", "nobody"):
        with pytest.raises(NoSuchClient):
            clients.get(wrong)
        with pytest.raises(NoSuchClient):
            clients.edit(wrong, name="other")
        with pytest.raises(NoSuchClient):
            clients.revoke(wrong)
