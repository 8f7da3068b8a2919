"""Promise 10: requests per minute, priorities and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import redis

from devtools.waiting import until
from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.pool import Leases, Members, Store, TokenStore, connect
from tests.faults.houses import MODELS, House, ask, house
from tests.faults.table import Ledger
from tests.kimi.pool.pools import KIMI

PROMISE = 10


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two gateways of two workers each, of little patience."""
    with house(tmp_path_factory.mktemp("shares"), env={"GATEWAY_QUEUE_SECONDS": "1"}) as home:
        yield home


def test_requests_per_minute_are_held_over_all_workers(home: House, promise: Ledger) -> None:
    asked, allowed = 60, 5
    with home.accounts(Kind.KIMI, ["slow-1", "slow-2"], requests_per_minute=allowed) as names:

        def one(number: int) -> tuple[int, str]:
            response = home.stack.chat(str(number), model=MODELS[Kind.KIMI], url=home.url)
            return response.status_code, response.headers.get("retry-after", "")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(one, range(asked)))
        streams = home.stack.simulator.state()["accounts"]
        assert [streams[name]["streams"] for name in names] == [allowed, allowed]
    assert Counter(status for status, _ in answers) == {200: 2 * allowed, 429: asked - 2 * allowed}
    assert 40 <= int(answers[-1][1]) <= 60
    promise.tried(asked, f"requests to 2 accounts of {allowed} a minute each over 4 workers: {2 * allowed} were served")


def test_lower_priorities_serve_only_when_higher_ones_cannot(home: House, promise: Ledger) -> None:
    simulator, rounds = home.stack.simulator, 20
    with (
        home.accounts(Kind.CLASSIC, ["first"], priority=10),
        home.accounts(Kind.CLASSIC, ["second"], priority=0),
    ):
        for number in range(rounds):
            assert home.stack.chat(str(number), model=MODELS[Kind.CLASSIC], url=home.url).status_code == 200
            until(lambda: home.leases() == 0, what="the account is given back")
        assert simulator.state()["accounts"]["second"]["streams"] == 0
        simulator.fault("stall", seconds=60, texts=1, match={"endpoint": "chat", "account": "first"})
        with ExitStack() as clients:
            busy = clients.enter_context(ask(home.balancer.port, "long", model=MODELS[Kind.CLASSIC], stream=True))
            busy.recv(1)
            assert home.stack.chat(model=MODELS[Kind.CLASSIC], url=home.url).status_code == 200
        assert simulator.state()["accounts"]["second"]["streams"] == 1
    promise.tried(rounds + 1, "requests over two priorities: the lower one was asked while the higher one was busy")


@contextmanager
def sparing_the_disk(client: redis.Redis) -> Iterator[None]:
    """Writes need not reach the disk while the block runs."""
    client.config_set("appendfsync", "no")
    yield
    client.config_set("appendfsync", "always")


def test_ten_thousand_leases_fall_as_the_weights_say(redis_url: str, promise: Ledger) -> None:
    leases_wanted, weights = 10_000, {"one": 1, "two": 2, "three": 3}
    with connect(redis_url, timeout=10) as client, sparing_the_disk(client):
        store = Store(client)
        members, leases, tokens = Members(store), Leases(store), TokenStore(store)
        members.sync(
            [
                ConfiguredAccount(Account(name=name, kind=Kind.KIMI, weight=w), f"secret-{name}")
                for name, w in weights.items()
            ]
        )
        for name in weights:
            record = members.get(name)
            assert record is not None
            now = store.now()
            tokens.save(record, Tokens("access", "refresh"), issued=now, expires=now + 3600, next_due=now + 3600)
        taken: Counter[str] = Counter()
        for _ in range(leases_wanted):
            lease = leases.acquire(KIMI)
            taken[lease.account.name] += 1
            leases.release(lease, served=True)
    shares = {name: taken[name] * sum(weights.values()) / weight / leases_wanted for name, weight in weights.items()}
    worst = max(abs(share - 1) for share in shares.values())
    assert worst < 0.03, taken
    promise.tried(leases_wanted, f"leases over weights 1:2:3: at most {100 * worst:.2f} % from their shares")
