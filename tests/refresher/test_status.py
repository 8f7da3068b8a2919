from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from kimi.accounts import Account, Kind, State
from kimi.errors import Outdated
from kimi.pool import PrivateAccounts, Rest, Store, Wish, connect
from kimi.pool.census import Census, Count, Counted
from kimi.pool.private import private_account
from kimi.startup import StartError
from refresher.metrics import Metrics, PoolCollector
from refresher.outcomes import Outcome
from refresher.status import application, serving
from tests.kimi.pool.pools import Pool
from tests.ports import free_port

ALICE = Account(name="alice", kind=Kind.KIMI)


class Page:
    """The two pages, served, with a clock that the test turns."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.now = 1000.0
        self.port = 0

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page()
    app = application(page.registry, lambda: page.metrics.is_healthy(page.now))
    with serving(app, 0, host="127.0.0.1") as page.port:
        yield page


def test_it_is_healthy_while_the_loop_turns(page: Page) -> None:
    assert page.get("/healthz")[0] == 503
    page.metrics.turned(1000.0)
    assert page.get("/healthz") == (200, "ok\n")
    page.now = 1060.0
    assert page.get("/healthz")[0] == 200
    page.now = 1061.0
    assert page.get("/healthz") == (503, "stalled\n")


def test_anything_else_is_not_there(page: Page) -> None:
    assert page.get("/")[0] == 404


def test_what_replicas_lack_is_told_as_it_is_just_then(page: Page) -> None:
    lacking = [""]
    page.metrics.replicated(lambda: lacking[0])
    assert "kimi_refresher_replicated 1.0" in page.get("/metrics")[1]
    lacking[0] = "1 of 2 replicas"
    assert "kimi_refresher_replicated 0.0" in page.get("/metrics")[1]


def test_refreshes_are_counted_by_how_they_ended(page: Page) -> None:
    page.metrics.turned(1000.0)
    page.metrics.refreshed(Outcome.REFRESHED, 0.3)
    page.metrics.refreshed(Outcome.REFRESHED, 0.3)
    page.metrics.refreshed(Outcome.DEAD, 3.0)
    page.metrics.refreshed(Outcome.NOT_DUE, 9.0)
    status, text = page.get("/metrics")
    assert status == 200
    assert 'kimi_refresher_refreshes_total{result="refreshed"} 2.0' in text
    assert 'kimi_refresher_refreshes_total{result="dead"} 1.0' in text
    assert 'kimi_refresher_refreshes_total{result="banned"} 0.0' in text
    assert 'kimi_refresher_refresh_seconds_bucket{le="0.5"} 2.0' in text
    assert "kimi_refresher_refresh_seconds_count 3.0" in text, "where nothing was done, nothing is measured"
    assert "kimi_refresher_last_turn_timestamp_seconds 1000.0" in text


def test_the_pools_accounts_are_counted_by_state(page: Page, pool: Pool) -> None:
    page.registry.register(PoolCollector(Census(pool.store, clock=pool.clock).count, clock=pool.clock))
    pool.configure(ALICE, Account(name="bob", kind=Kind.KIMI), Account(name="carol", kind=Kind.MOONSHOT))
    text = page.get("/metrics")[1]
    assert 'kimi_accounts{kind="kimi",state="new"} 2.0' in text
    assert "kimi_refresher_next_expiry_seconds" not in text
    pool.freshen("alice", lifetime=300)
    pool.freshen("carol", lifetime=9000)
    pool.members.mark("bob", 1, State.DEAD, "refused")
    pool.clock.now += 100
    text = page.get("/metrics")[1]
    assert 'kimi_accounts{kind="kimi",state="active"} 1.0' in text
    assert 'kimi_accounts{kind="kimi",state="dead"} 1.0' in text
    assert 'kimi_accounts{kind="moonshot",state="active"} 1.0' in text
    assert "kimi_refresher_next_expiry_seconds 200.0" in text
    assert "kimi_refresher_store_up 1.0" in text
    assert 'kimi_accounts{kind="kimi",state="banned"} 0.0' in text, "so that it can be seen to become more"


def test_what_the_accounts_can_take_is_told_by_kind(page: Page, pool: Pool) -> None:
    page.registry.register(PoolCollector(Census(pool.store, clock=pool.clock).count, clock=pool.clock))
    key = Account(name="carol", kind=Kind.MOONSHOT, max_concurrency=50)
    pool.configure(ALICE, Account(name="bob", kind=Kind.KIMI), Account(name="dora", kind=Kind.KIMI), key)
    for name in ("alice", "bob", "carol"):
        pool.freshen(name, lifetime=300)
    lease = pool.leases.acquire(Wish(("kimi",), "kimi"))
    held = pool.leases.acquire(Wish(("kimi",), "kimi"))
    pool.leases.release(lease, rest=Rest("RateLimited", "too fast", 60.0, 60.0))
    text = page.get("/metrics")[1]
    assert 'kimi_accounts_usable{kind="kimi"} 2.0' in text and 'kimi_accounts_usable{kind="moonshot"} 1.0' in text
    assert 'kimi_accounts_cooling{kind="kimi"} 1.0' in text and 'kimi_accounts_cooling{kind="moonshot"} 0.0' in text
    assert 'kimi_leases_in_flight{kind="kimi"} 1.0' in text and 'kimi_leases_limit{kind="kimi"} 2.0' in text
    assert 'kimi_leases_limit{kind="moonshot"} 50.0' in text
    assert "kimi_leases_expired_total 0.0" in text

    pool.clock.now += 50  # longer than a lease lives that nobody renews
    pool.leases.look(["kimi"])
    text = page.get("/metrics")[1]
    assert held.account.name in ("alice", "bob")
    assert "kimi_leases_expired_total 1.0" in text and 'kimi_leases_in_flight{kind="kimi"} 0.0' in text


def test_leases_are_left_out_where_they_are_too_many_to_be_read(page: Page) -> None:
    account = Counted(Kind.KIMI, State.ACTIVE, False, 5, page.now + 60, page.now + 60, 0.0)
    page.registry.register(PoolCollector(lambda: Count((account,), None, 0), clock=lambda: page.now))
    text = page.get("/metrics")[1]
    assert 'kimi_leases_limit{kind="kimi"} 5.0' in text
    assert "kimi_leases_in_flight" not in text


def test_accounts_that_are_no_longer_configured_do_not_count(page: Page, pool: Pool) -> None:
    page.registry.register(PoolCollector(Census(pool.store, clock=pool.clock).count, clock=pool.clock))
    pool.configure(ALICE)
    pool.configure()
    assert "kimi_accounts{" not in page.get("/metrics")[1]


def test_accounts_of_clients_count_apart_and_nobody_is_named(page: Page, pool: Pool) -> None:
    page.registry.register(PoolCollector(Census(pool.store, clock=pool.clock).count, clock=pool.clock))
    PrivateAccounts(pool.store).adopt(private_account("a token", Kind.KIMI))
    text = page.get("/metrics")[1]
    assert 'kimi_private_accounts{kind="kimi",state="new"} 1.0' in text
    assert "kimi_accounts{" not in text and "private-" not in text


def test_the_page_is_there_while_the_store_is_not(page: Page) -> None:
    with connect(f"redis://127.0.0.1:{free_port()}/0") as away:
        page.registry.register(PoolCollector(Census(Store(away), clock=lambda: page.now).count, clock=lambda: page.now))
        status, text = page.get("/metrics")
    assert status == 200
    assert "kimi_refresher_store_up 0.0" in text


def test_that_the_store_is_of_another_release_is_not_told_as_its_absence(page: Page, pool: Pool) -> None:
    pool.store.bar(Outdated("too new", "start another release"))
    page.registry.register(PoolCollector(Census(pool.store, clock=pool.clock).count, clock=pool.clock))
    status, text = page.get("/metrics")
    assert status == 200
    assert "kimi_refresher_store_up" not in text and "kimi_accounts" not in text


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_is_asked_by_either_kind_of_address(host: str) -> None:
    with serving(application(CollectorRegistry(), lambda: True), 0) as port:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_port_that_is_taken_is_told_with_its_variable() -> None:
    app = application(CollectorRegistry(), lambda: True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(StartError, match=f"^REFRESHER_METRICS_PORT: cannot listen on {port}: "),
            serving(app, port, host="127.0.0.1"),
        ):
            pass
