"""Redis goes away while requests lease accounts."""

from __future__ import annotations

import logging

import gevent
import pytest
import redis

from devtools.waiting import until
from kimi.accounts import State, Tokens
from kimi.errors import AllBusy, AwaitingToken, StoreUnavailable, Unreadable
from kimi.pool import Lease, Store, TokenStore
from kimi.pool.leases import LEASE_SECONDS
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.gateway.redis_away.outages import REST, House
from tests.kimi.pool.pools import web


def test_the_request_that_finds_redis_gone_is_served_all_the_same(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.fill("a", "b")
    first = house.take()
    assert (house.pool.away, house.figure("store_up")) == (False, "1.0")
    house.valkey.kill()
    with caplog.at_level(logging.WARNING):
        second = house.take()
    assert {first.account.name, second.account.name} == {"a", "b"}, "the stream that runs counts"
    assert second.token == f"access-{second.account.name}"
    with pytest.raises(AllBusy):
        house.take()
    assert house.pool.away
    assert (house.figure("store_up"), house.figure("leases_from_memory_total")) == ("0.0", "1.0")
    (line,) = [record.message for record in caplog.records]
    assert "ConnectionError" in line and "goes on with the 2 accounts in its memory" in line
    assert "access-" not in line


def test_all_that_is_held_is_renewed_three_times_in_its_life(house: House) -> None:
    house.fill("a", "b")
    held, _ = house.take(), house.pool.release(house.take())
    key, renewed = "kimi:{pool}:leases", list[bool]()

    def look() -> None:
        """Behind each round. Redis is away in the second one."""
        renewed.append((house.outside.zscore(key, held.member) or 0) > 1)
        house.outside.zadd(key, {held.member: 1})
        if len(renewed) == 1:
            house.fuse.blow("away")
        elif len(renewed) == 2:
            house.fuse.mend()
        else:
            raise gevent.GreenletExit

    with pytest.raises(gevent.GreenletExit):
        house.pool.hold(look)
    assert renewed == [True, False, True]
    assert house.pauses == [LEASE_SECONDS / 3] * 3


def test_a_lease_that_was_given_back_is_remembered_where_a_renewal_may_still_come(house: House) -> None:
    house.fill("a", "b", "c")
    short, long = house.take(), house.take()
    house.pool.release(short)
    house.pool.renew()
    young = house.take()
    for lease in (long, young):
        house.pool.release(lease)
    assert house.outside.keys("*returned:*") == [f"kimi:{{pool}}:returned:{long.member}"]
    house.others.renew([long])  # which was on its way
    assert house.leases() == set()
    assert house.counts() == {"a": 0, "b": 0, "c": 0}


def test_once_it_is_known_nothing_is_sent(house: House) -> None:
    house.fill("a", "b")
    house.valkey.kill()
    lease = house.take()
    house.valkey.start()
    house.pool.release(lease, rest=REST)
    house.pool.reject(house.take())
    house.pool.mark(lease.account.name, lease.version, State.DEAD, "gone")
    house.pool.leave("w.1")
    house.pool.look(["kimi"])
    house.pool.renew()
    assert house.pool.summary().usable == 0
    with redis.Redis.from_url(house.valkey.url) as client:
        assert len(client.client_list()) == 1, "nobody but this one"


def test_what_cannot_be_opened_is_no_outage_and_is_not_leased(house: House) -> None:
    house.fill("a")
    record = house.members.get("a")
    assert record is not None
    others = TokenStore(Store(house.outside, vault=Vault([new_key()])))
    others.save(record, Tokens("sealed", "sealed"), issued=0, expires=2e9, next_due=2e9)
    for _ in range(3):
        with pytest.raises(Unreadable):
            house.take()
    assert not house.pool.away
    assert house.counts() == {"a": 0}


def test_a_silent_redis_is_the_same_case(house: House) -> None:
    house.fill("a")
    with house.valkey.silent():
        lease = house.take()
        assert house.pool.away and lease.account.name == "a"
        house.pool.release(lease)
        assert not house.pool.look_for_redis()
    assert house.pool.look_for_redis()
    assert house.take().account.name == "a", "the lease that was asked for in vain is given back"


@pytest.mark.parametrize("trouble", [{"maxmemory": "1"}, {"min-replicas-to-write": "1"}])
def test_a_redis_that_takes_no_writes_is_the_same_case(house: House, trouble: dict[str, str]) -> None:
    house.fill("a")
    for name, value in trouble.items():
        house.outside.config_set(name, value)
    house.pool.release(house.take())
    assert house.pool.away and not house.pool.look_for_redis()
    for name in trouble:
        house.outside.config_set(name, "0")
    assert house.pool.look_for_redis()


def test_without_anything_in_memory_nothing_is_made_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.valkey.kill()
    lease = Lease("w.1", web("a"), "t", 2, 0.0)
    for use in (
        house.take,
        house.pool.summary,
        lambda: house.pool.release(lease),
        lambda: house.pool.reject(lease),
        lambda: house.pool.prove(lease),
        lambda: house.pool.mark("a", 2, State.DEAD, ""),
        lambda: house.pool.leave("w.1"),
        lambda: house.pool.look(["kimi"]),
    ):
        with pytest.raises(StoreUnavailable, match="Redis does not answer"):
            use()
    assert "nothing can be served" in caplog.text
    house.valkey.start()
    assert house.pool.look_for_redis()


def test_tokens_that_expire_meanwhile_are_not_used(house: House) -> None:
    house.fill("a", lifetime=0.3)
    house.valkey.kill()
    house.pool.release(house.take())
    until(lambda: house.pool.summary().usable == 0)
    with pytest.raises(AwaitingToken):
        house.take()
