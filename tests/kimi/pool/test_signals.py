"""The processes wake each other, and a lost message costs time only."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from devtools.waiting import until
from kimi.accounts import State
from kimi.errors import AllBusy
from kimi.pool import Signals
from kimi.pool.connection import connect_listener
from kimi.pool.signals import WAKE, freed
from tests.kimi.pool.pools import KIMI, Pool, web
from tests.valkey import Valkey


@pytest.fixture
def signals(redis_url: str) -> Iterator[Signals]:
    redis = connect_listener(redis_url)
    yield Signals(redis)
    redis.close()


def test_a_new_account_wakes_the_refresher(pool: Pool, signals: Signals) -> None:
    heard = signals.listen(WAKE)
    assert next(heard) is None
    pool.configure(web("a"))
    assert next(heard) == "a"
    heard.close()


def test_a_rejected_token_wakes_the_refresher(pool: Pool, signals: Signals) -> None:
    pool.fill(web("a"))
    heard = signals.listen(WAKE)
    assert next(heard) is None
    pool.leases.reject(pool.leases.acquire(KIMI))
    assert next(heard) == "a"
    heard.close()


@pytest.mark.parametrize(("state", "heard"), [(State.DEAD, "a"), (State.BANNED, ""), (State.PAUSED, "")])
def test_the_refresher_is_told_who_has_died(pool: Pool, signals: Signals, state: State, heard: str) -> None:
    pool.fill(web("a"))
    messages = signals.listen(WAKE, poll=0.1)
    assert next(messages) is None
    pool.members.mark("a", 2, state, "why")
    assert next(messages) == heard
    messages.close()


def test_only_the_worker_whose_turn_it_is_is_called(pool: Pool, signals: Signals) -> None:
    pool.fill(web("a"))
    mine, others = (signals.listen(freed(worker), poll=0.05) for worker in ("mine", "others"))
    assert [next(mine), next(others)] == [None, None]
    pool.leases.release(pool.leases.acquire(KIMI))
    assert next(mine) == "", "nobody waits"
    lease = pool.leases.acquire(KIMI)
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI, ticket="mine.1", patience=10)
    pool.leases.release(lease)
    assert [next(mine), next(others)] == ["mine.1", ""]
    mine.close()
    others.close()


def test_silence_is_told_as_well(redis_url: str) -> None:
    redis = connect_listener(redis_url)
    heard = Signals(redis).listen(WAKE, poll=0.01)
    assert [next(heard) for _ in range(3)] == [None, "", ""]
    heard.close()
    redis.close()


def test_it_listens_again_when_redis_is_back(own_valkey: Valkey) -> None:
    redis = connect_listener(own_valkey.url)
    pauses: list[float] = []
    restarted = threading.Event()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if not restarted.is_set():
            own_valkey.start()
            restarted.set()

    heard = Signals(redis, pause=pause).listen(WAKE, poll=0.05)
    assert next(heard) is None
    own_valkey.kill()
    while not restarted.is_set():
        assert not next(heard)
    message = next(heard)
    while not message:
        with connect_listener(own_valkey.url) as publisher:
            publisher.publish("kimi:{pool}:wake", "a")
        message = next(heard)
    assert message == "a"
    assert pauses[0] == 0.05
    heard.close()
    redis.close()


def test_a_server_that_has_fallen_silent_is_noticed(own_valkey: Valkey) -> None:
    redis = connect_listener(own_valkey.url)
    pauses: list[float] = []
    heard = Signals(redis, pause=pauses.append).listen(WAKE, poll=0.2)
    assert next(heard) is None
    with own_valkey.silent():
        until(lambda: next(heard) is None, what="the connection is given up")
        assert next(heard) is None, "a new one gets no answer either"
    until(lambda: next(heard) == "", what="it listens again")
    assert set(pauses) == {0.2}
    heard.close()
    redis.close()
