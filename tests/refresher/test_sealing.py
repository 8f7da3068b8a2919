"""The keys of the settings, as a refresher and a gateway have them when they start and while they run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from devtools.waiting import until
from gateway.settings import GatewaySettings
from gateway.startup import check_store
from kimi.accounts import ConfiguredAccount, State, Tokens
from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool import Members, Store, TokenStore, open_store
from kimi.pool.canary import Canary
from kimi.pool.sealers import Sealers
from kimi.pool.seals import Seals
from kimi.pool.tokens import Credential
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from kimi.startup import reporting
from refresher import process
from refresher.memory import Memory
from refresher.outcomes import Outcome
from refresher.sealing import CHECK_SECONDS, SEAL_SECONDS, YIELD_SECONDS, Sealing
from refresher.settings import RefresherSettings
from refresher.stopping import Stop
from tests.kimi.pool.pools import Clock, Pool, web
from tests.kimi.pool.sealing import counted
from tests.refresher.house import ALICE, ByHand
from tests.refresher.running import Eyes, Start, write
from tests.refresher.vendors import Vendor
from tests.simulator.running import Simulator

OLD, NEW = new_key(), new_key()


def refreshers(redis_url: str, *keys: str) -> RefresherSettings:
    return RefresherSettings.model_validate({"redis_url": redis_url, "token_encryption_keys": ",".join(keys)})


def gateways(redis_url: str, *keys: str) -> GatewaySettings:
    fields = {"redis_url": redis_url, "token_encryption_keys": ",".join(keys), "gateway_api_keys": "k" * 40}
    return GatewaySettings.model_validate(fields)


def made(store: Store, clock: Clock, pause: Callable[[float], object]) -> Sealing:
    return Sealing(store, Sealers(store, "refresher"), clock=clock, pause=pause)


def started(store: Store, clock: Clock) -> Sealing:
    """As a refresher starts; what it waits for is over at once."""

    def wait(seconds: float) -> None:
        clock.now += seconds

    sealing = made(store, clock, wait)
    assert sealing.start(Stop())
    return sealing


@pytest.mark.parametrize("keys", [(NEW,), ()], ids=["other keys", "no keys"])
def test_nobody_starts_with_the_wrong_keys(
    redis_url: str, keys: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    check_store(gateways(redis_url, NEW))  # refreshers go on without keys until they are given some
    process.check(refreshers(redis_url))
    with open_store(refreshers(redis_url, OLD)) as store:
        started(store, Clock())
    check_store(gateways(redis_url, NEW, OLD))
    starts = (
        lambda: check_store(gateways(redis_url, *keys)),
        lambda: process.check(refreshers(redis_url, *keys)),
        lambda: process.run(refreshers(redis_url, *keys)),
    )
    for start in starts:
        with pytest.raises(SystemExit) as caught, reporting("the program"):
            start()
        assert caught.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("the program: ")
        assert "TOKEN_ENCRYPTION_KEYS" in line
        assert not any(key in line for key in keys)


def test_who_only_asks_whether_it_would_start_leaves_nothing_behind(redis_url: str) -> None:
    process.check(refreshers(redis_url, OLD))
    process.check(refreshers(redis_url))


def test_what_was_stored_before_there_were_keys_is_sealed_at_the_start(pool: Pool) -> None:
    pool.fill(web("a"))
    sealed = Store(pool.store.redis, vault=Vault([NEW, OLD]), clock=pool.clock)
    started(pool.store, pool.clock)
    assert counted(pool.store) == Seals(plain=2), "without keys all stays as it is"
    started(sealed, pool.clock)
    assert counted(sealed) == Seals(current=2)


class Contended(Store):
    """Whatever is to be sealed in it, others have just written anew."""

    def run(self, name: str, *args: str | float) -> Any:
        return 1 if name == "reseal" else super().run(name, *args)


def test_what_others_keep_writing_in_plain_text_is_told(pool: Pool) -> None:
    pool.fill(web("a"))
    contended = Contended(pool.store.redis, vault=Vault([NEW]), clock=pool.clock)
    with capture_logs() as lines:
        started(contended, pool.clock)
    assert [line["secrets"] for line in lines if line["log_level"] == "warning"] == [2]


def test_what_is_sealed_with_an_older_key_stays_at_the_start(pool: Pool) -> None:
    pool.store.vault = Vault([OLD])
    pool.fill(web("a"))
    sealed = Store(pool.store.redis, vault=Vault([NEW, OLD]), clock=pool.clock)
    started(sealed, pool.clock)
    assert counted(sealed) == Seals(older={2: 2})


def test_what_cannot_be_opened_is_neither_exchanged_nor_condemned(
    pool: Pool, vendor: Vendor, refreshing: ByHand
) -> None:
    sealed = Store(pool.store.redis, vault=Vault([OLD]), clock=pool.clock)
    Members(sealed).sync([ConfiguredAccount(ALICE, "refresh-alice")])
    before = pool.store.redis.hgetall(pool.store.key("account", "alice"))
    for _ in range(2):
        with pytest.raises(Unreadable):
            refreshing.refresh("alice")
    assert vendor.asked == []
    assert pool.store.redis.hgetall(pool.store.key("account", "alice")) == before
    pool.store.vault = Vault([OLD])
    assert refreshing.refresh("alice") is Outcome.REFRESHED
    assert vendor.asked == ["refresh-alice"]


def test_one_that_cannot_be_opened_keeps_nobody_from_remembering_the_others(pool: Pool) -> None:
    pool.fill(web("alice"), web("bob"))
    sealed = Store(pool.store.redis, vault=Vault([OLD]), clock=pool.clock)
    alice, bob = pool.members.all()
    assert TokenStore(sealed).save(alice, Tokens("a", "r"), issued=0, expires=2e9, next_due=2e9)
    memory = Memory(pool.members, pool.tokens)
    for record in pool.members.all():
        memory.see(record)
    assert memory.latest == {bob.fingerprint: Credential("refresh-bob-2", 2)}


def test_when_redis_is_exchanged_under_it_the_refresher_does_nothing(redis_url: str) -> None:
    clock = Clock()
    with open_store(refreshers(redis_url, NEW)) as store:
        sealing = started(store, clock)
        store.redis.flushall()
        clock.now += CHECK_SECONDS
        sealing.check()
        Canary(store).check()
        store.redis.flushall()
        with open_store(refreshers(redis_url, OLD)) as other:
            Canary(other).keep()
        sealing.check()
        clock.now += CHECK_SECONDS
        for _ in range(2):
            with pytest.raises(Unreadable):
                sealing.check()


def goes_on_alone(late: Sealing, store: Store, clock: Clock) -> None:
    """One that lets others go first begins when nobody has come after all."""
    store.redis.flushall()
    with pytest.raises(StoreUnavailable, match="go first"):
        late.check()
    clock.now += YIELD_SECONDS
    late.check()


def test_when_redis_loses_everything_those_that_were_at_work_with_it_go_first(redis_url: str) -> None:
    clock = Clock()
    with open_store(refreshers(redis_url, NEW)) as right, open_store(refreshers(redis_url, OLD)) as wrong:
        at_work = started(right, clock)
        right.redis.flushall()

        def work(seconds: float) -> None:
            clock.now += seconds
            at_work.check()

        newcomer = made(wrong, clock, work)
        with pytest.raises(Unreadable):
            newcomer.start(Stop())
        # Who has had the wrong keys waits as well, until nobody else is there for long.
        right.redis.flushall()
        with pytest.raises(StoreUnavailable, match="others that were at work with it go first"):
            newcomer.check()
        assert not Canary(right).look()
        clock.now += CHECK_SECONDS
        at_work.check()
        clock.now += YIELD_SECONDS
        with pytest.raises(Unreadable):
            newcomer.check()
        goes_on_alone(newcomer, right, clock)
        clock.now += CHECK_SECONDS
        with pytest.raises(Unreadable):
            at_work.check()


def test_who_went_on_without_keys_and_was_shut_out_lets_others_go_first_as_well(redis_url: str) -> None:
    clock = Clock()
    with open_store(refreshers(redis_url, NEW)) as right, open_store(refreshers(redis_url)) as plain:
        keyless = started(plain, clock)
        at_work = started(right, clock)
        clock.now += CHECK_SECONDS
        with pytest.raises(Unreadable):
            keyless.check()
        for _ in range(2):
            right.redis.flushall()
            with pytest.raises(StoreUnavailable, match="go first"):
                keyless.check()
            clock.now += CHECK_SECONDS
            at_work.check()
            clock.now += YIELD_SECONDS
            with pytest.raises(Unreadable):
                keyless.check()
        goes_on_alone(keyless, right, clock)


def test_who_is_to_stop_while_others_go_first_leaves_nothing(redis_url: str) -> None:
    clock, stop = Clock(), Stop()

    def wait(seconds: float) -> None:
        clock.now += seconds
        stop.set()

    with open_store(refreshers(redis_url, NEW)) as store:
        assert not made(store, clock, wait).start(stop)
        assert not Canary(store).look()


@pytest.mark.parametrize("leaving", ["gateway a", "refresher b"])
def test_who_has_the_first_key_lets_gateways_have_it_before_while_another_refresher_goes_on(
    redis_url: str, leaving: str
) -> None:
    """They could not read what he seals. Where nobody else renews tokens that counts for more."""
    clock, waited = Clock(), list[float]()
    with open_store(refreshers(redis_url)) as plain, open_store(refreshers(redis_url, NEW)) as sealed:
        others = {name: Sealers(plain, name) for name in ("gateway a", "refresher b")}
        for other in others.values():
            other.beat()

        def wait(seconds: float) -> None:
            assert not Canary(sealed).look()
            waited.append(seconds)
            clock.now += seconds
            if len(waited) == 3:
                others[leaving].leave()

        assert made(sealed, clock, wait).start(Stop())
        assert waited[:3] == [CHECK_SECONDS] * 3 and sum(waited[3:]) == pytest.approx(YIELD_SECONDS)
        assert Canary(sealed).look()


def test_who_is_to_stop_while_gateways_have_no_key_seals_nothing(redis_url: str) -> None:
    stop = Stop()
    with open_store(refreshers(redis_url)) as plain, open_store(refreshers(redis_url, NEW)) as sealed:
        for name in ("gateway a", "refresher b"):
            Sealers(plain, name).beat()
        waited = list[float]()

        def wait(seconds: float) -> None:
            waited.append(seconds)
            stop.set()

        assert not made(sealed, Clock(), wait).start(stop)
        assert waited == [CHECK_SECONDS]
        assert not Canary(sealed).look()


def test_without_keys_nothing_is_waited_for(redis_url: str) -> None:
    clock = Clock()
    with open_store(refreshers(redis_url)) as store:
        before = clock.now
        started(store, clock)
        assert clock.now == before


def test_what_others_write_in_plain_text_later_is_sealed_within_a_minute(pool: Pool) -> None:
    sealed = Store(pool.store.redis, vault=Vault([NEW]), clock=pool.clock)
    sealing = started(sealed, pool.clock)
    Pool(sealed, pool.clock).configure(web("a"))
    pool.freshen("a")
    pool.clock.now += SEAL_SECONDS - 0.1
    sealing.check()
    assert counted(sealed) == Seals(plain=2)
    pool.clock.now += CHECK_SECONDS
    sealing.check()
    assert counted(sealed) == Seals(current=2)


def test_an_older_dump_in_plain_text_is_sealed_at_once(pool: Pool) -> None:
    sealed = Store(pool.store.redis, vault=Vault([NEW]), clock=pool.clock)
    sealing = started(sealed, pool.clock)
    pool.store.redis.flushall()
    pool.fill(web("a"))
    pool.clock.now += CHECK_SECONDS
    sealing.check()
    assert counted(sealed) == Seals(current=2)


@pytest.mark.parametrize("keys", [(OLD,), ()], ids=["other keys", "no keys"])
def test_nobody_starts_beside_an_account_that_was_sealed_before_any_refresher_had_keys(
    pool: Pool, keys: tuple[str, ...]
) -> None:
    pool.fill(web("a"))
    by_a_gateway = Store(pool.store.redis, vault=Vault([NEW]), clock=pool.clock)
    pool.configure(web("a"))
    Members(by_a_gateway).sync([ConfiguredAccount(web("late"), "refresh-late")], "operator")
    before = counted(by_a_gateway)
    store = Store(pool.store.redis, vault=Vault(keys), clock=pool.clock)
    with pytest.raises(Unreadable):
        started(store, pool.clock)
    assert counted(by_a_gateway) == before == Seals(plain=2, current=1)
    started(by_a_gateway, pool.clock)
    assert counted(by_a_gateway) == Seals(current=3)


def test_a_refresher_with_keys_works_as_any_other_and_waits_while_they_are_wrong(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    eyes.store.vault = Vault([OLD])
    Canary(eyes.store).keep()  # as after an earlier start: nothing is waited for
    refresher = start(TOKEN_ENCRYPTION_KEYS=OLD)
    until(lambda: eyes.all_active("alice"))
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]
    assert eyes.record("alice").stored_refresh.startswith("fernet:")
    # Somebody puts another Redis in the place of this one: nothing of it is touched.
    eyes.redis.flushall()
    other = Store(eyes.redis, vault=Vault([NEW]))
    Canary(other).keep()
    refresher.says("waiting for the store")
    assert eyes.states() == {}
    assert kimi.account("alice")["exchanges"] == 1
    eyes.redis.flushall()
    until(lambda: eyes.states() == {"alice": State.ACTIVE}, seconds=10)
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]
    assert kimi.account("alice")["reused"] == 0
    assert refresher.terminate() == 0
    assert [line["event"] for line in refresher.lines() if "plain text" in line["event"]] == []
