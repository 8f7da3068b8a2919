"""Whatever dies comes back, and no account is lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from devtools.waiting import until
from tests.system.conftest import StartStack
from tests.system.stack import Stack
from tests.system.traffic import Traffic

LIFETIME = 6
"""Seconds that an access token lives: short enough for several refreshes in a test."""
SHORT_LIVED = ["--token-lifetime", str(LIFETIME)]


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Three accounts with single-use refresh tokens and access tokens that hardly live; each test leaves it well."""
    stack = Stack(tmp_path_factory.mktemp("restless"), simulator_options=SHORT_LIVED)
    stack.start(kimi=3)
    yield stack
    stack.stop()


@pytest.fixture
def enduring(start_stack: StartStack) -> Stack:
    """The same for one test; its tokens are good for eight seconds at least whenever nobody renews them any more."""
    return start_stack({"kimi": 3}, simulator_options=["--token-lifetime", "15"])


def exchanges(stack: Stack) -> int:
    return stack.simulator.total("exchanged")


def reused(stack: Stack) -> int:
    """How often somebody came with a refresh token that had been used."""
    return stack.simulator.total("reused")


def settle(stack: Stack) -> None:
    until(lambda: stack.usable() == 3, seconds=30, what="all three accounts are usable")
    until(stack.settled, seconds=30, what="every stream is closed and every chat deleted")
    assert reused(stack) == 0


def test_tokens_are_renewed_under_traffic_without_one_failure(restless: Stack) -> None:
    before = exchanges(restless)
    with Traffic(restless).running() as traffic:
        until(lambda: exchanges(restless) >= before + 12, seconds=60, what="every account was refreshed four times")
    assert traffic.bad == {}
    assert traffic.good > 50
    settle(restless)


def test_both_processes_are_restarted_under_traffic(restless: Stack) -> None:
    stack = restless
    with Traffic(stack).running() as traffic:
        assert stack.refresher.stop() == 0
        stack.refresher.start()
        until(lambda: traffic.good > 20, seconds=30)
        for _ in range(3):
            assert stack.gateway.stop() == 0
            stack.gateway.start()
            stack.wait_ready()
            good = traffic.good
            until(lambda good=good: traffic.good > good + 20, seconds=30)  # type: ignore[misc]
    assert traffic.bad == {}
    settle(stack)


def test_new_workers_take_over_without_a_refused_connection(restless: Stack) -> None:
    before = set(restless.workers_pids())
    with Traffic(restless).running() as traffic:
        until(lambda: traffic.good > 10, seconds=30)
        restless.gateway.send(signal.SIGHUP)
        until(lambda: len(set(restless.workers_pids()) - before) == 2, seconds=30, what="new workers")
        until(lambda: not set(restless.workers_pids()) & before, seconds=30, what="the old ones are gone")
        good = traffic.good
        until(lambda: traffic.good > good + 20, seconds=30)
    assert (traffic.bad, traffic.refused) == ({}, 0)
    settle(restless)


def test_a_killed_worker_is_replaced(start_stack: StartStack) -> None:
    own_stack = start_stack({"kimi": 3}, simulator_options=SHORT_LIVED)
    victims = own_stack.workers_pids()
    with Traffic(own_stack).running() as traffic:
        until(lambda: traffic.good > 10, seconds=30)
        os.kill(victims[0], signal.SIGKILL)
        good = traffic.good
        until(lambda: traffic.good > good + 30, seconds=30)
    assert all(fate.startswith(("ConnectionError", "ChunkedEncodingError")) for fate in traffic.bad), traffic.bad
    assert sum(traffic.bad.values()) <= traffic.clients, "only what ran in that worker may be lost"
    own_stack.orphans = traffic.clients
    assert len(own_stack.workers_pids()) == 2 and victims[0] not in own_stack.workers_pids()
    until(lambda: own_stack.usable() == 3, seconds=30)


def test_a_killed_refresher_loses_no_account(restless: Stack) -> None:
    with Traffic(restless).running() as traffic:
        for _ in range(3):
            before = exchanges(restless)
            until(lambda: not restless.refreshing(), what="no answer of Kimi's is on its way to the store")
            restless.refresher.kill()
            restless.refresher.start()
            until(lambda before=before: exchanges(restless) > before, seconds=30)  # type: ignore[misc]
    assert traffic.bad == {}
    settle(restless)


def test_a_killed_valkey_comes_back_with_every_account(enduring: Stack) -> None:
    with Traffic(enduring).running() as traffic:
        before = exchanges(enduring)
        until(lambda: exchanges(enduring) > before, what="every worker has long had the first tokens in its memory")
        enduring.valkey.kill()
        good = traffic.good
        until(lambda: traffic.good > good + 3, seconds=30, what="it goes on from memory")
        until(lambda: not enduring.ready(), seconds=30, what="the tokens in memory have expired")
        enduring.valkey.start()
        enduring.wait_ready()
        good = traffic.good
        until(lambda: traffic.good > good + 30, seconds=30)
        before = exchanges(enduring)
        until(lambda: exchanges(enduring) >= before + 3, seconds=30)
    assert all(fate.startswith("503 ") for fate in traffic.bad), traffic.bad
    settle(enduring)


def test_two_refreshers_never_exchange_the_same_token(restless: Stack) -> None:
    other = restless.another_refresher("other")
    other.start()
    before = exchanges(restless)
    until(lambda: exchanges(restless) >= before + 12, seconds=60)
    assert other.stop() == 0
    settle(restless)


def test_a_changed_accounts_file_is_taken_up(restless: Stack) -> None:
    (late,) = restless.simulator.mint("kimi", name="late")
    before = restless.accounts_file.read_text("utf-8")
    with restless.accounts_file.open("a", encoding="utf-8") as file:
        file.write(f"  - name: late\n    kind: kimi\n    refresh_token: {late['refresh_token']}\n")
    until(lambda: restless.usable() == 4, seconds=15, what="the new account serves")
    restless.accounts_file.write_text(before, "utf-8")
    until(lambda: restless.usable() == 3, seconds=15, what="it serves no more")


def test_an_account_that_dies_is_said_once_and_revived_by_a_new_token(restless: Stack) -> None:
    def obituaries() -> list[str]:
        return [line for line in restless.refresher.said.splitlines() if "account is dead" in line]

    restless.simulator.control("POST", "accounts/kimi-1", {"revoke_access": True, "revoke_refresh": True})
    with Traffic(restless).running() as traffic:
        until(lambda: len(obituaries()) == 1, seconds=30, what="the refresher says that the account is dead")
        good = traffic.good
        until(lambda: traffic.good > good + 20, seconds=30, what="the others serve")
    assert traffic.bad == {}
    assert restless.usable() == 2
    (obituary,) = obituaries()
    assert json.loads(obituary)["account"] == "kimi-1"

    (login,) = restless.simulator.mint("kimi", name="login-again")
    before = restless.accounts_file.read_text("utf-8")
    spent = before.split("name: kimi-1")[1].split("refresh_token: ")[1].split()[0]
    restless.accounts_file.write_text(before.replace(spent, login["refresh_token"]), "utf-8")
    until(lambda: restless.usable() == 3, seconds=15, what="the account serves again")


def test_chats_of_a_client_that_left_are_deleted(restless: Stack) -> None:
    as_it_was = restless.simulator.state()["settings"]["event_delay"]
    restless.simulator.settings(event_delay=0.2)
    response = restless.chat("a long answer", stream=True)
    pieces = response.iter_content(10)  # held on to: it closes the connection when it is forgotten
    next(pieces)
    until(lambda: restless.simulator.total("open_streams") == 1)
    response.close()
    until(restless.settled, seconds=15, what="stream closed, chat deleted")
    restless.simulator.settings(event_delay=as_it_was)
