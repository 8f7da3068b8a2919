"""What is swept up: chats that gateways left behind, and what only time ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
import structlog
from prometheus_client import CollectorRegistry

from devtools.waiting import until
from kimi.accounts import Account, Kind
from kimi.errors import AllBusy, KimiError, RateLimited, TokenRejected, Unreachable
from kimi.pool import Chats, PrivateAccounts, Store, connect
from kimi.pool.chats import StandingChat
from kimi.pool.private import STRANGER_SECONDS, private_account
from kimi.upstreams import Upstream
from refresher.janitor import BATCH, GRACE_SECONDS, Janitor, cleaning
from refresher.metrics import Metrics
from refresher.stopping import Stop
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.valkey import Valkey


class Shelf:
    """An upstream that keeps chats, and refuses to delete some as it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.refuses: dict[str, KimiError] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.most = 0
        self._lock = threading.Lock()
        self._running = 0

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        with self._lock:
            self.asked.append((chat_id, account.name, token))
            self._running += 1
            self.most = max(self.most, self._running)
        self.gate.wait(10)
        with self._lock:
            self._running -= 1
        if account.name in self.refuses:
            raise self.refuses[account.name]

    def stream(self, *_: object) -> None:
        raise AssertionError("the janitor asks nothing")

    def chats(self) -> list[str]:
        return [chat_id for chat_id, _, _ in self.asked]


class House:
    """A janitor with all that belongs to it, past the time that it leaves to gateways."""

    def __init__(self, pool: Pool, *, upstreams: Mapping[Kind, Upstream] | None = None, at_once: int = 1) -> None:
        self.pool = pool
        self.chats = Chats(pool.store)
        self.shelf = Shelf()
        self.stop = Stop()
        self.registry = CollectorRegistry()
        self.janitor = Janitor(
            self.chats,
            pool.members,
            PrivateAccounts(pool.store),
            pool.leases,
            dict.fromkeys(Kind, self.shelf) if upstreams is None else upstreams,  # type: ignore[arg-type]  # no stream
            stop=self.stop,
            metrics=Metrics(self.registry),
            clock=pool.clock,
            at_once=at_once,
        )
        pool.clock.now += GRACE_SECONDS

    def leave(self, account: str, *chats: str) -> None:
        """These are to be deleted by now."""
        self.chats.note({StandingChat(chat, account): 0.0 for chat in chats})

    def figure(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"kimi_refresher_{name}", labels)


@pytest.fixture
def house(pool: Pool) -> House:
    pool.fill(web("a"), web("b"), lifetime=30 * 86_400)
    return House(pool)


def test_chats_are_deleted_with_the_present_token_and_told_in_one_line(house: House) -> None:
    house.leave("a", "c1", "c2")
    house.pool.freshen("a", lifetime=86_400)
    with structlog.testing.capture_logs() as lines:
        assert not house.janitor.sweep()
        assert not house.janitor.sweep()
    assert house.shelf.asked == [("c1", "a", "access-a-3"), ("c2", "a", "access-a-3")]
    assert [(line["event"], line["chats"]) for line in lines] == [("chats deleted that were left behind", 2)]
    assert house.chats.count() == 0
    assert house.figure("chat_deletions_total", result="deleted") == 2
    assert (house.figure("chats"), house.figure("sweeps_total")) == (0, 2)


def test_chats_of_running_requests_are_left_alone(house: House) -> None:
    house.chats.note({StandingChat("running", "a"): 60.0})
    house.janitor.sweep()
    assert house.shelf.asked == []
    assert house.figure("chats") == 1


def test_a_full_batch_is_followed_by_the_next_at_once(house: House) -> None:
    house.leave("a", *(f"c{number}" for number in range(2 * BATCH + 1)))
    assert [house.janitor.sweep() for _ in range(3)] == [True, True, False]
    assert len(set(house.shelf.chats())) == 2 * BATCH + 1


def test_several_are_deleted_at_the_same_time_and_no_more(pool: Pool) -> None:
    pool.fill(web("a"))
    house = House(pool, at_once=3)
    house.leave("a", *(f"c{number}" for number in range(7)))
    house.shelf.gate.clear()
    with cleaning(house.janitor):
        until(lambda: len(house.shelf.asked) == 3)
        house.shelf.gate.set()
        until(lambda: house.chats.count() == 0)
        house.stop.set()
    assert house.shelf.most == 3
    assert sorted(house.shelf.chats()) == [f"c{number}" for number in range(7)]


@pytest.mark.parametrize("error", [RateLimited("slow down"), TokenRejected("401")])
def test_an_account_in_trouble_is_asked_once_and_the_others_are_served(house: House, error: KimiError) -> None:
    house.leave("a", "c1", "c2")
    house.leave("b", "c3")
    house.shelf.refuses["a"] = error
    assert not house.janitor.sweep()
    assert house.shelf.chats() == ["c1", "c3"]
    assert house.figure("chat_deletions_total", result="failed") == 1
    assert house.chats.count() == 2


def test_an_upstream_in_trouble_is_asked_once(house: House) -> None:
    house.pool.fill(web("a"), web("b"), web("c", base_url="http://elsewhere"))
    house.leave("a", "c1")
    house.leave("b", "c2")
    house.leave("c", "c3")
    house.shelf.refuses = {"a": Unreachable("no route"), "b": Unreachable("no route")}
    house.janitor.sweep()
    assert house.shelf.chats() == ["c1", "c3"]


def test_what_could_not_be_deleted_is_tried_again_later(house: House) -> None:
    house.leave("a", "c1")
    house.shelf.refuses["a"] = Unreachable("no route")
    house.janitor.sweep()
    house.shelf.refuses.clear()
    house.janitor.sweep()
    assert len(house.shelf.asked) == 1
    house.pool.clock.now += 120
    house.janitor.sweep()
    assert house.shelf.chats() == ["c1", "c1"]
    assert house.chats.count() == 0


def test_two_janitors_never_delete_the_same_chat(house: House) -> None:
    other = House(house.pool)
    other.shelf = house.shelf
    house.leave("a", *(f"c{number}" for number in range(6 * BATCH)))
    together = threading.Barrier(2)

    def work(janitor: Janitor) -> None:
        together.wait(10)
        while janitor.sweep():
            pass

    threads = [threading.Thread(target=work, args=(each.janitor,)) for each in (house, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    asked = house.shelf.chats()
    assert len(set(asked)) == len(asked)
    assert house.chats.count() == 0


def test_a_chat_of_an_account_that_keeps_none_any_more_is_forgotten(pool: Pool) -> None:
    pool.fill(replace(web("a"), kind=Kind.MOONSHOT, models=("kimi-k3",)))
    house = House(pool, upstreams={Kind.MOONSHOT: object()})  # type: ignore[dict-item]  # it cannot delete chats
    house.leave("a", "c1")
    house.janitor.sweep()
    assert house.chats.count() == 0


def test_chats_are_kept_when_the_operator_wants_them(pool: Pool) -> None:
    pool.fill(web("a"))
    house = House(pool, upstreams={})
    house.leave("a", "c1")
    house.janitor.sweep()
    assert house.chats.count() == 1


def test_gateways_have_time_to_say_that_they_live_after_the_store_was_away(own_valkey: Valkey) -> None:
    clock = Clock(time.time())
    with connect(own_valkey.url) as redis:
        house = House(Pool(Store(redis, clock=clock), clock))
        house.pool.fill(web("a"))
        house.leave("a", "c1")
        own_valkey.kill()
        assert not house.janitor.sweep()
        own_valkey.start()
        clock.now += GRACE_SECONDS - 1
        house.janitor.sweep()
        assert house.shelf.asked == []
        clock.now += 1
        house.janitor.sweep()
        assert house.shelf.chats() == ["c1"]


def test_gateways_have_time_to_say_that_they_live_when_it_starts(pool: Pool) -> None:
    pool.fill(web("a"))
    house = House(pool)
    house.leave("a", "c1")
    pool.clock.now -= 1
    house.janitor.sweep()
    assert house.shelf.asked == []


def test_leases_of_dead_workers_end_though_nobody_asks(house: House) -> None:
    house.pool.leases.acquire(KIMI)
    house.pool.clock.now += 61
    assert house.pool.count("a") == 1
    house.janitor.sweep()
    assert house.pool.count("a") == 0


def test_accounts_that_were_taken_out_long_ago_are_forgotten(house: House) -> None:
    house.pool.configure(web("b"))
    house.pool.clock.now += 91 * 86_400
    with structlog.testing.capture_logs() as lines:
        house.janitor.sweep()
        house.janitor.sweep()
    assert house.pool.members.get("a") is None
    assert [line["accounts"] for line in lines if "accounts" in line] == ["a"]


class Waits(Stop):
    """Knows whether somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = threading.Event()

    def wait(self, seconds: float) -> None:
        self.waited.set()
        super().wait(seconds)


def test_it_ends_at_once_while_it_waits(pool: Pool) -> None:
    house = House(pool)
    stop = Waits()
    janitor = Janitor(
        house.chats,
        pool.members,
        PrivateAccounts(pool.store),
        pool.leases,
        {},
        stop=stop,
        metrics=Metrics(CollectorRegistry()),
        clock=pool.clock,
    )
    with cleaning(janitor):
        assert stop.waited.wait(10)
        began = time.monotonic()
        stop.set()
    assert time.monotonic() - began < 0.4
    assert not [thread for thread in threading.enumerate() if thread.name == "janitor"]


def test_a_deletion_that_takes_its_time_does_not_hold_up_the_end(house: House) -> None:
    house.shelf.gate.clear()
    house.leave("a", "c1", "c2")
    began = time.monotonic()
    with cleaning(house.janitor):
        until(lambda: house.shelf.asked)
        house.stop.set()
    assert time.monotonic() - began < 5
    house.shelf.gate.set()
    until(lambda: house.chats.count() == 1, what="what was deleted is told")
    assert house.shelf.chats() == ["c1"]
    until(lambda: all(thread.name != "janitor" for thread in threading.enumerate()), what="the last sweep has ended")


class Looks:
    """Remembers which routes were looked after."""

    def __init__(self) -> None:
        self.routes: list[str] = []

    def look(self, routes: Collection[str]) -> float | None:
        self.routes = list(routes)
        return None


def test_all_routes_are_looked_after_and_those_of_the_web_always(pool: Pool) -> None:
    pool.configure(Account(name="o", kind=Kind.MOONSHOT, models=("kimi-k3",)))
    seen = Looks()
    Janitor(
        Chats(pool.store),
        pool.members,
        PrivateAccounts(pool.store),
        seen,
        {},
        stop=Stop(),
        metrics=Metrics(CollectorRegistry()),
        clock=pool.clock,
    ).sweep()
    assert seen.routes == ["kimi", "kimi-classic", "moonshot:kimi-k3"]


def test_places_in_the_queue_end_with_the_time_that_their_holders_wait(house: House) -> None:
    for _ in range(2):
        house.pool.leases.acquire(KIMI)
    with pytest.raises(AllBusy):
        house.pool.leases.acquire(KIMI, ticket="w.1", patience=0.02)
    queue = house.pool.store.key("route", "kimi", "queue")
    assert house.pool.store.redis.zcard(queue) == 1
    until(lambda: house.pool.store.redis.exists(house.pool.store.key("ticket", "w.1")) == 0)
    house.janitor.sweep()
    assert house.pool.store.redis.zcard(queue) == 0


def test_accounts_of_clients_that_stay_away_are_forgotten(house: House) -> None:
    mine = private_account("a token", Kind.KIMI)
    PrivateAccounts(house.pool.store).adopt(mine)
    house.pool.clock.now += STRANGER_SECONDS
    house.janitor.sweep()
    house.pool.clock.now += 60
    with structlog.testing.capture_logs() as logs:
        house.janitor.sweep()
    assert house.pool.members.get(mine.account.name) is None
    assert [line["event"] for line in logs] == ["accounts of clients forgotten that were not used for long"]
