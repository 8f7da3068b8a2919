"""Redis comes back while requests lease accounts."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from gateway.pool import FIRST_PAUSE, LONGEST_PAUSE
from kimi.accounts import State
from kimi.errors import AllBusy, StoreUnavailable
from kimi.pool import Rest, Store
from tests.gateway.redis_away.outages import REST, House
from tests.gateway.scripted import wait_until


def test_redis_learns_who_is_in_use(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.fill("a", "b", "c")
    kept, ended = house.take(), house.take()
    house.valkey.kill()
    from_memory = house.take()
    house.pool.release(ended, served=True)
    assert not house.pool.look_for_redis()
    house.valkey.start()
    assert house.pool.look_for_redis()
    assert (house.pool.away, house.figure("store_up")) == (False, "1.0")
    assert house.leases() == {kept.id, from_memory.id}
    assert house.counts() == {kept.account.name: 1, from_memory.account.name: 1, ended.account.name: 0}
    _, line = [record.message for record in caplog.records]
    assert "told of 2 running leases and 0 failures, 1 leases ended" in line

    house.pool.release(from_memory)
    house.pool.release(kept)
    assert house.leases() == set()
    assert house.take().id in house.leases()


def test_redis_learns_what_has_failed(house: House) -> None:
    house.fill("a", "b", "c", "d")
    house.valkey.kill()
    leases = {lease.account.name: lease for lease in (house.take() for _ in range(4))}
    assert house.pool.release(leases["a"], rest=REST).rests == pytest.approx(30, abs=1)
    house.pool.release(leases["b"], rest=Rest("Overloaded", "over", first=0.001, most=1))
    house.pool.reject(leases["c"])
    house.pool.mark("d", leases["d"].version, State.BANNED, "closed")
    house.pool.release(leases["c"])
    house.pool.release(leases["d"])
    house.valkey.start()
    assert house.pool.look_for_redis()
    records = {record.account.name: record for record in house.members.all()}
    assert records["a"].cool_until - Store(house.outside).now() == pytest.approx(30, abs=2)
    assert records["a"].cool_reason == "too busy"
    assert records["b"].cool_until == 0, "that is over"
    assert records["c"].rejected
    assert (records["d"].state, records["d"].reason) == (State.BANNED, "closed")
    assert house.take().account.name == "b"


def test_that_workers_met_at_an_account_is_not_held_against_it(house: House) -> None:
    house.fill("a")
    house.valkey.kill()
    house.pool.release(house.take(), rest=Rest("AccountBusy", "another stream", first=5, most=30))
    with pytest.raises(AllBusy):
        house.take()
    house.valkey.start()
    assert house.pool.look_for_redis()
    assert house.take().account.name == "a"


def test_the_mirror_follows_again(house: House) -> None:
    house.fill("a")
    house.valkey.kill()
    house.pool.release(house.take())
    with pytest.raises(StoreUnavailable):
        house.pool.mirror.refresh()
    house.valkey.start()
    house.pool.look_for_redis()
    house.fill("a", "b")
    house.valkey.kill()
    assert {house.take().account.name, house.take().account.name} == {"a", "b"}


def test_a_redis_that_has_lost_everything_is_told_of_what_runs(house: House) -> None:
    house.fill("a")
    lease = house.take()
    house.valkey.kill()
    house.pool.summary()
    for file in (house.valkey.directory / "appendonlydir").iterdir():
        file.unlink()
    house.valkey.start()
    assert house.pool.look_for_redis()
    house.pool.release(lease)
    assert house.leases() == set()


def test_it_is_looked_for_every_second_until_it_is_back(house: House) -> None:
    house.fill("a")
    runner = gevent.spawn(house.pool.run)

    def start_at_last() -> None:
        if len(house.pauses) == 3:
            house.valkey.start()

    house.meanwhile = start_at_last
    for _ in range(2):
        house.pauses.clear()
        house.valkey.kill()
        house.pool.release(house.take())
        wait_until(lambda: not house.pool.away)
        assert house.pauses == [FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    runner.kill()


def test_an_answer_that_may_still_come_is_waited_for(house: House) -> None:
    house.fill("a")
    with house.fuse:
        house.valkey.kill()
        house.pool.release(house.take())
        house.valkey.start()
        assert not house.pool.look_for_redis()
    assert house.pool.look_for_redis()


def test_two_workers_agree_again(build: Callable[..., House]) -> None:
    one, two = build("one"), build("two")
    one.fill("a")
    two.pool.mirror.refresh()
    one.valkey.kill()
    leases = [one.take(), two.take()]
    one.valkey.start()
    assert one.pool.look_for_redis() and two.pool.look_for_redis()
    assert one.counts() == {"a": 2}, "both run"
    for house, lease in zip((one, two), leases, strict=True):
        with pytest.raises(AllBusy):
            house.take()
        house.pool.release(lease)
    two.take()
    with pytest.raises(AllBusy):
        one.take()
