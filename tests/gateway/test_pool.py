"""Redis goes away and comes back while requests lease accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gevent
import pytest
import redis

from devtools.waiting import until
from gateway.metrics import Metrics
from gateway.pool import FIRST_PAUSE, LONGEST_PAUSE, Pool
from gateway.shield import Shieldable
from gateway.waiting import WaitingRoom
from kimi.accounts import ConfiguredAccount, State, Tokens
from kimi.errors import AllBusy, AwaitingToken, StoreUnavailable, Unreadable
from kimi.pool import Lease, Leases, Members, Rest, Store, TokenStore, Wish, connect
from kimi.pool.fuse import Fuse
from kimi.pool.leases import LEASE_SECONDS
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.gateway.scripted import wait_until
from tests.kimi.pool.pools import KIMI, web
from tests.valkey import Valkey

REST = Rest("Overloaded", "too busy", first=30, most=60)
WISH = Wish(("kimi",), "kimi")


@dataclass
class House:
    """A worker's pool on a Valkey of its own, and a look at that Valkey from outside."""

    valkey: Valkey
    worker: str = "w"
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self.redis, self.outside = (connect(self.valkey.url, timeout=0.2) for _ in range(2))
        self.fuse, self.metrics = Fuse(), Metrics()
        self.pool = Pool(
            Store(self.redis, fuse=self.fuse),
            self.fuse,
            Store(self.outside),
            self.metrics,
            worker=self.worker,
            pause=self.pause,
        )
        store = Store(self.outside)
        self.members, self.tokens, self.others = Members(store), TokenStore(store), Leases(store, worker="o")

    def pause(self, seconds: float) -> None:
        """Lets no time pass."""
        self.pauses.append(seconds)
        self.meanwhile()
        gevent.idle()

    def fill(self, *names: str, lifetime: float = 900, **options: object) -> None:
        """Puts accounts with a token into Redis and into the mirror."""
        self.members.sync([ConfiguredAccount(web(name, **options), f"refresh-{name}") for name in names])
        for name in names:
            record = self.members.get(name)
            assert record is not None
            now = Store(self.outside).now()
            self.tokens.save(
                record, Tokens(f"access-{name}", "r"), issued=now, expires=now + lifetime, next_due=now + lifetime
            )
        self.pool.mirror.refresh()

    def take(self, **options: object) -> Lease:
        return self.pool.acquire(KIMI, **options)  # type: ignore[arg-type]

    def counts(self) -> dict[str, int]:
        """How many leases of each account are out, as Redis sees it."""
        return {record.account.name: record.in_flight for record in self.members.all()}

    def leases(self) -> set[str]:
        return {str(member).partition(":")[0] for member in self.outside.zrange("kimi:{pool}:leases", 0, -1)}

    def figure(self, name: str) -> str:
        (line,) = [
            line for line in self.metrics.text().decode().splitlines() if line.startswith(f"kimi_gateway_{name} ")
        ]
        return line.split()[-1]

    def close(self) -> None:
        for client in (self.redis, self.outside):
            client.close()


@pytest.fixture
def build(own_valkey: Valkey) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def start(worker: str = "w") -> House:
        houses.append(House(own_valkey, worker))
        return houses[-1]

    yield start
    for house in houses:
        house.close()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build()


class TestGoing:
    def test_the_request_that_finds_redis_gone_is_served_all_the_same(
        self, house: House, caplog: pytest.LogCaptureFixture
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

    def test_all_that_is_held_is_renewed_three_times_in_its_life(self, house: House) -> None:
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

    def test_once_it_is_known_nothing_is_sent(self, house: House) -> None:
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

    def test_what_cannot_be_opened_is_no_outage_and_is_not_leased(self, house: House) -> None:
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

    def test_a_silent_redis_is_the_same_case(self, house: House) -> None:
        house.fill("a")
        with house.valkey.silent():
            lease = house.take()
            assert house.pool.away and lease.account.name == "a"
            house.pool.release(lease)
            assert not house.pool.look_for_redis()
        assert house.pool.look_for_redis()
        assert house.take().account.name == "a", "the lease that was asked for in vain is given back"

    @pytest.mark.parametrize("trouble", [{"maxmemory": "1"}, {"min-replicas-to-write": "1"}])
    def test_a_redis_that_takes_no_writes_is_the_same_case(self, house: House, trouble: dict[str, str]) -> None:
        house.fill("a")
        for name, value in trouble.items():
            house.outside.config_set(name, value)
        house.pool.release(house.take())
        assert house.pool.away and not house.pool.look_for_redis()
        for name in trouble:
            house.outside.config_set(name, "0")
        assert house.pool.look_for_redis()

    def test_without_anything_in_memory_nothing_is_made_up(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.valkey.kill()
        lease = Lease("w.1", web("a"), "t", 2, 0.0)
        for use in (
            house.take,
            house.pool.summary,
            lambda: house.pool.release(lease),
            lambda: house.pool.reject(lease),
            lambda: house.pool.mark("a", 2, State.DEAD, ""),
            lambda: house.pool.leave("w.1"),
            lambda: house.pool.look(["kimi"]),
        ):
            with pytest.raises(StoreUnavailable, match="Redis does not answer"):
                use()
        assert "nothing can be served" in caplog.text
        house.valkey.start()
        assert house.pool.look_for_redis()

    def test_tokens_that_expire_meanwhile_are_not_used(self, house: House) -> None:
        house.fill("a", lifetime=0.3)
        house.valkey.kill()
        house.pool.release(house.take())
        until(lambda: house.pool.summary().usable == 0)
        with pytest.raises(AwaitingToken):
            house.take()


class TestComingBack:
    def test_redis_learns_who_is_in_use(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
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

    def test_redis_learns_what_has_failed(self, house: House) -> None:
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

    def test_that_workers_met_at_an_account_is_not_held_against_it(self, house: House) -> None:
        house.fill("a")
        house.valkey.kill()
        house.pool.release(house.take(), rest=Rest("AccountBusy", "another stream", first=5, most=30))
        with pytest.raises(AllBusy):
            house.take()
        house.valkey.start()
        assert house.pool.look_for_redis()
        assert house.take().account.name == "a"

    def test_the_mirror_follows_again(self, house: House) -> None:
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

    def test_a_redis_that_has_lost_everything_is_told_of_what_runs(self, house: House) -> None:
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

    def test_it_is_looked_for_every_second_until_it_is_back(self, house: House) -> None:
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

    def test_an_answer_that_may_still_come_is_waited_for(self, house: House) -> None:
        house.fill("a")
        with house.fuse:
            house.valkey.kill()
            house.pool.release(house.take())
            house.valkey.start()
            assert not house.pool.look_for_redis()
        assert house.pool.look_for_redis()

    def test_two_workers_agree_again(self, build: Callable[..., House]) -> None:
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


class TestWaiting:
    @pytest.fixture
    def room(self, house: House) -> Iterator[WaitingRoom]:
        room = WaitingRoom(house.pool, 10, house.worker)

        def relay() -> None:
            for ticket in house.pool.calls:
                if ticket is None:
                    room.call_all()
                else:
                    room.call(ticket)

        relaying = gevent.spawn(relay)
        yield room
        relaying.kill()

    def test_who_waits_when_redis_goes_away_is_served_from_memory(self, house: House, room: WaitingRoom) -> None:
        house.fill("a")
        lease = house.take()
        requests = [Shieldable.spawn(room.acquire, WISH) for _ in range(2)]
        wait_until(lambda: room.waiting == 2)
        house.valkey.kill()
        house.pool.release(lease)
        first = requests[0].get(timeout=5)
        assert not requests[1].ready()
        house.pool.release(first)
        house.pool.release(requests[1].get(timeout=5))

    def test_who_waits_when_redis_comes_back_is_served_by_redis(self, house: House, room: WaitingRoom) -> None:
        house.fill("a")
        lease = house.take()
        house.valkey.kill()
        house.pool.renew()
        requests = [Shieldable.spawn(room.acquire, WISH) for _ in range(2)]
        wait_until(lambda: room.waiting == 2)
        house.valkey.start()
        assert house.pool.look_for_redis()
        wait_until(lambda: house.outside.zcard("kimi:{pool}:route:kimi:queue") == 2)
        house.pool.release(lease)
        room.call_all()
        served = requests[0].get(timeout=5)
        assert served.id in house.leases()
        for request in requests:
            request.kill()

    def test_what_was_kept_for_one_who_waits_is_not_lost_at_the_switch(self, house: House, room: WaitingRoom) -> None:
        house.fill("a")
        lease = house.take()
        house.valkey.kill()
        house.pool.renew()
        request = Shieldable.spawn(room.acquire, WISH)
        wait_until(lambda: room.waiting == 1)
        house.valkey.start()
        house.pool.release(lease)
        assert house.pool.look_for_redis(), "before the one who waits has come"
        served = request.get(timeout=5)
        assert house.leases() == {served.id}
        assert house.counts() == {"a": 1}
