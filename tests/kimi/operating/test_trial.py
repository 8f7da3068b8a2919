"""One question to one account, on real HTTP: what the operator is told, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Record, State, Tokens
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.operating.accounts import NoSuchAccount
from kimi.operating.trial import Trials
from kimi.pool import Chats, PrivateAccounts, Store, connect
from kimi.pool.private import private_account
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.kimi.pool.pools import Clock, Pool, web, wish
from tests.simulator.running import EMPTY, Simulator


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(*EMPTY) as simulator:
        yield simulator


@dataclass
class Bench:
    """A pool whose accounts are those of a simulator."""

    simulator: Simulator
    transport: Transport
    pool: Pool
    trials: Trials

    def add(self, account: Account) -> None:
        """Makes the account there and takes it into the pool, fresh."""
        minted = self.simulator.mint(kind=account.kind.value, name=account.name)
        web = account.kind.is_web
        secret = minted["refresh_token" if web else "api_key"]
        self.pool.members.sync([ConfiguredAccount(account, secret)])
        tokens = Exchange(self.transport, self.endpoints).refresh(account, secret) if web else Tokens(secret, secret)
        now = self.pool.store.now()
        assert self.pool.tokens.save(
            self.record(account.name), tokens, issued=now, expires=now + 900, next_due=now + 450, models=("kimi-k2.6",)
        )

    @property
    def endpoints(self) -> Endpoints:
        url = self.simulator.url
        return Endpoints(url, url, url, f"{url}/v1")

    def record(self, name: str = "alice") -> Record:
        record = self.pool.members.get(name)
        assert record is not None
        return record

    def left(self) -> tuple[int, int, int]:
        """Leases, chats that are noted and chats that stand at the upstream."""
        chats = int(self.simulator.account("alice").get("chats_alive", 0))
        return self.record().in_flight, Chats(self.pool.store).count(), chats


@pytest.fixture
def bench(running: Simulator, redis_url: str) -> Iterator[Bench]:
    running.reset()
    transport = Transport()
    url = running.url
    line = Line(transport, Endpoints(url, url, url, f"{url}/v1"), idle=5)
    with connect(redis_url) as redis:
        store = Store(redis)
        yield Bench(running, transport, Pool(store, Clock(store.now())), Trials(store, build(line)))
    transport.close()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_good_account_answers_and_nothing_is_left(bench: Bench, kind: Kind) -> None:
    bench.add(Account(name="alice", kind=kind))
    bench.simulator.settings(answer="2")
    trial = bench.trials.run("alice")
    assert (trial.ok, trial.message, trial.name) == (True, "answered: 2", "alice")
    assert trial.model == ("kimi" if kind.is_web else "kimi-k2.6")
    assert 0 < trial.seconds < 10
    assert bench.left() == (0, 0, 0)


def test_a_long_answer_is_told_in_short(bench: Bench) -> None:
    bench.add(web("alice"))
    bench.simulator.settings(answer="one\ntwo  three " * 20)
    assert bench.trials.run("alice").message == "answered: one two three one two three one two thre…"


@pytest.mark.parametrize(
    ("fault", "options", "state", "message"),
    [
        ("error", {"reason": "banned"}, State.BANNED, "AccountBanned: "),
        ("error", {"reason": "overloaded"}, State.ACTIVE, "Overloaded: "),
        ("close", {}, State.ACTIVE, "Unreachable: "),
    ],
)
def test_a_failure_has_the_consequences_that_it_has_for_requests(
    bench: Bench, fault: str, options: dict[str, Any], state: State, message: str
) -> None:
    bench.add(web("alice"))
    bench.simulator.fault(fault, match={"endpoint": "chat"}, **options)
    trial = bench.trials.run("alice")
    assert not trial.ok and trial.message.startswith(message)
    assert (bench.record().state, bench.record().in_flight) == (state, 0)
    assert (bench.record().cool_until > 0) == (options.get("reason") == "overloaded")


def test_a_token_that_is_refused_is_refreshed(bench: Bench) -> None:
    bench.add(web("alice"))
    bench.simulator.fault("error", match={"endpoint": "chat"}, reason="invalid_token")
    trial = bench.trials.run("alice")
    assert trial.message.startswith("TokenRejected: ")
    assert (bench.record().rejected, bench.record().in_flight) == (True, 0)
    assert (bench.record().due or 0) < 0, "before those of new accounts"


def test_an_answer_that_does_not_come_is_given_up(bench: Bench) -> None:
    bench.add(web("alice"))
    bench.simulator.fault("stall", seconds=1.0, match={"endpoint": "chat"})
    impatient = Trials(bench.pool.store, build(Line(bench.transport, bench.endpoints, idle=5)), seconds=0.1)
    assert impatient.run("alice").message == "UpstreamTimeout: there was no whole answer after 0 s"
    assert bench.left() == (0, 0, 0)


def test_a_chat_that_cannot_be_deleted_is_left_to_the_refresher(bench: Bench) -> None:
    bench.add(web("alice"))
    bench.simulator.fault("error", match={"endpoint": "delete"}, reason="internal")
    assert bench.trials.run("alice").ok
    assert bench.left() == (0, 1, 1)


def test_who_cannot_serve_is_not_asked(bench: Bench) -> None:
    bench.add(web("alice"))
    pool, name = bench.pool, "alice"
    lease = pool.leases.acquire(wish())

    def refused(message: str) -> None:
        trial = bench.trials.run(name)
        assert (trial.ok, trial.model) == (False, "")
        assert trial.message.startswith(message), trial.message

    refused("its one place is in use")
    pool.leases.reject(lease)
    refused("it waits for a fresh access token")
    pool.leases.release(lease)
    pool.members.mark(name, bench.record().version, State.PAUSED, "")
    refused("it is paused: resume it first")
    pool.members.mark(name, bench.record().version, State.DEAD, "401")
    refused("it is dead (401): clear it")
    pool.configure()
    refused("it was taken out of the accounts file")
    key = Account(name="key", kind=Kind.MOONSHOT)
    pool.configure(key)
    name = "key"
    refused("its models are not known yet: refresh it first")
    assert bench.left() == (0, 0, 0)
    with pytest.raises(NoSuchAccount):
        bench.trials.run("nobody")


def test_who_rests_is_not_asked(bench: Bench) -> None:
    bench.add(web("alice", requests_per_minute=1))
    bench.simulator.fault("error", match={"endpoint": "chat"}, reason="overloaded")
    bench.trials.run("alice")
    found = bench.trials.run("alice").message
    assert found.startswith("it rests for ") and found.endswith("clear it, or try again then")
    assert "Overloaded" in found


def test_who_has_served_all_requests_of_this_minute_is_not_asked(bench: Bench) -> None:
    bench.add(web("alice", requests_per_minute=1))
    assert bench.trials.run("alice").ok
    assert "requests a minute" in bench.trials.run("alice").message


def test_an_account_of_a_client_can_be_tried(bench: Bench) -> None:
    minted = bench.simulator.mint(kind="kimi", name="alice")
    member = private_account(minted["refresh_token"], Kind.KIMI)
    name = member.account.name
    PrivateAccounts(bench.pool.store).adopt(member)
    tokens = Exchange(bench.transport, bench.endpoints).refresh(member.account, member.secret)
    now = bench.pool.store.now()
    bench.pool.tokens.save(bench.record(name), tokens, issued=now, expires=now + 900, next_due=now + 450)
    assert bench.trials.run(name).ok
