"""Accounts are asked for their models behind their refreshes, which never wait for that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import structlog

from devtools.waiting import until
from kimi.accounts import Account, State, Tokens
from kimi.errors import BrokenAnswer, KimiError, StoreUnavailable, Unreachable, UpstreamTimeout
from kimi.pool.due import DueRefreshes, Room
from refresher.model_lists import PAUSE_SECONDS, ModelLists, looking
from refresher.outcomes import Outcome
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import OFFICIAL, stored
from tests.refresher.house import ALICE, ByHand
from tests.refresher.running import Eyes, Start, write
from tests.simulator.running import Simulator

K2, K4 = "SCENARIO_K2", "SCENARIO_K4/k4+thinking"


class Asked:
    """Accounts that answer with a list, or fail as they are told."""

    def __init__(self) -> None:
        self.lists: Sequence[str] = (K2, K4)
        self.fails: KimiError | None = None
        self.tokens: list[str] = []
        self.on_ask: Callable[[], object] = lambda: None

    def __call__(self, account: Account, token: str) -> Sequence[str]:
        assert account.name == "alice"
        self.tokens.append(token)
        self.on_ask()
        if self.fails:
            raise self.fails
        return self.lists


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def lists(pool: Pool, asked: Asked) -> ModelLists:
    return ModelLists(pool.members, asked)


def test_one_whose_refresh_token_came_alone_is_asked_once_it_has_an_access_token(
    pool: Pool, asked: Asked, lists: ModelLists
) -> None:
    pool.configure(ALICE)
    record, now = stored(pool), pool.clock.now
    assert pool.tokens.save(record, Tokens("", "alone"), issued=now, expires=0, next_due=now + 1, alone=True)
    lists.look("alice")
    assert asked.tokens == []
    pool.freshen("alice")
    lists.look("alice")
    assert asked.tokens == [stored(pool).access]


def test_a_fresh_account_is_asked_with_its_new_token(pool: Pool, asked: Asked, lists: ModelLists) -> None:
    pool.fill(ALICE)
    lists.look("alice")
    assert asked.tokens == [stored(pool).access]
    assert stored(pool).models == (K2, K4)
    assert pool.members.summary().routes == {"kimi", f"kimi:{K2}", f"kimi:{K4}"}


def test_an_account_is_asked_once_an_hour_by_all_refreshers_together(
    pool: Pool, asked: Asked, lists: ModelLists
) -> None:
    pool.fill(ALICE)
    for each in (lists, lists, ModelLists(pool.members, asked)):
        each.look("alice")
        pool.freshen("alice")
    assert len(asked.tokens) == 1
    asked.lists = (K2,)
    pool.clock.now += PAUSE_SECONDS
    lists.look("alice")
    assert len(asked.tokens) == 2
    assert stored(pool).models == (K2,)


@pytest.mark.parametrize("failure", [BrokenAnswer("odd"), UpstreamTimeout("silence"), Unreachable("no route")])
def test_a_list_that_cannot_be_had_leaves_what_was_known(
    pool: Pool, asked: Asked, lists: ModelLists, failure: KimiError
) -> None:
    pool.fill(ALICE)
    asked.fails = failure
    lists.look("alice")
    assert pool.members.summary().routes == {"kimi", "kimi:*"}
    asked.fails = None
    pool.clock.now += PAUSE_SECONDS
    lists.look("alice")
    asked.fails = failure
    pool.clock.now += PAUSE_SECONDS
    lists.look("alice")
    assert len(asked.tokens) == 3
    assert stored(pool).models == (K2, K4)


def test_a_store_out_of_reach_is_no_failure() -> None:
    class Away:
        def get(self, name: str) -> None:
            raise StoreUnavailable(name)

        may_list = list_models = get

    with structlog.testing.capture_logs() as lines:
        ModelLists(Away(), Asked()).look("alice")  # type: ignore[arg-type]
    assert [line["log_level"] for line in lines] == ["debug"]


@pytest.mark.parametrize("what", ["unknown", "key", "dead", "without a token", "removed"])
def test_who_is_not_asked(pool: Pool, asked: Asked, lists: ModelLists, what: str) -> None:
    if what == "key":
        pool.fill(OFFICIAL, models=("kimi-k3",))
    if what == "without a token":
        pool.configure(ALICE)
    if what in {"dead", "removed"}:
        pool.fill(ALICE)
        pool.members.mark("alice", stored(pool).version, State.DEAD, "401")
    if what == "removed":
        pool.configure()
    lists.look("official" if what == "key" else "alice")
    assert asked.tokens == []


def test_a_list_that_was_overtaken_by_a_refresh_is_dropped(pool: Pool, asked: Asked, lists: ModelLists) -> None:
    pool.fill(ALICE)
    asked.on_ask = lambda: pool.freshen("alice")
    lists.look("alice")
    assert stored(pool).models == ()


def test_a_refresh_does_not_wait_for_a_list(pool: Pool, asked: Asked, lists: ModelLists, refreshing: ByHand) -> None:
    pool.configure(ALICE)
    asking, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        asking.set()
        assert go_on.wait(10)

    asked.on_ask = hang
    refresh = lists.behind(refreshing.refreshing.refresh)
    ((lock, _),) = DueRefreshes(pool.store, rate=1000).take(1, Room(1)).locks
    with looking(lists):
        assert refresh(lock) is Outcome.REFRESHED
        assert asking.wait(10)
        assert refresh(lock) is Outcome.NOT_DUE
        go_on.set()
        until(lambda: stored(pool).models == (K2, K4))
    assert len(asked.tokens) == 1


def test_the_lists_of_real_accounts_are_known_soon(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    plans = {"free": "free", "paid": "paid", "lost": "paid", "odd": "paid"}
    write(tmp_path, *(kimi.mint(kind="kimi", name=name, plan=plan) for name, plan in plans.items()))
    kimi.fault("http", times=9, match={"endpoint": "models", "account": "lost"}, status=404)
    kimi.fault("empty_body", times=9, match={"endpoint": "models", "account": "odd"})
    refresher = start()
    until(lambda: sum(fault["struck"] for fault in kimi.state()["faults"]) == 2)
    until(lambda: sum(bool(record.models) for record in eyes.members.all()) == 2)
    free, paid = set(eyes.record("free").models), set(eyes.record("paid").models)
    assert {"SCENARIO_K2D5+thinking", "SCENARIO_K2"} <= free
    assert "SCENARIO_OK_COMPUTER/ok-computer+thinking" in paid - free
    assert eyes.all_active(*plans)
    assert eyes.record("lost").models == eyes.record("odd").models == ()
    assert refresher.terminate() == 0
