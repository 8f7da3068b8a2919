"""Promise 2: one refresh for a hundred rejections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kimi.accounts import Kind
from tests.faults.houses import MODELS, House, house
from tests.faults.table import Ledger
from tests.system.traffic import answer_of

PROMISE = 2
CROWD = 100
ROUNDS = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two gateways of two workers each; their upstream lets an account have as many streams as it likes."""
    with house(tmp_path_factory.mktemp("refresh")) as home:
        home.stack.simulator.settings(web_streams=1000, exchange_delay=0.3)
        yield home


def ask_all(home: House, kind: Kind) -> Counter[str]:
    """The fates of a hundred requests at once, of which none is let in at the upstream before all have come."""
    first_call = "chat" if kind is Kind.KIMI else "create"
    home.stack.simulator.fault("slow", times=CROWD, seconds=1.0, match={"endpoint": first_call, "kind": kind.value})

    def one(number: int) -> str:
        mark, stream = f"question {number}", number % 2 == 0
        response = home.stack.chat(mark, model=MODELS[kind], stream=stream, url=home.url)
        text = response.content.decode("utf-8")
        return "served" if response.status_code == 200 and mark in answer_of(text, stream=stream) else text

    with ThreadPoolExecutor(CROWD) as pool:
        return Counter(pool.map(one, range(CROWD)))


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_a_hundred_requests_that_meet_a_rejected_token_cause_one_exchange(
    home: House, promise: Ledger, kind: Kind
) -> None:
    simulator = home.stack.simulator
    with home.accounts(kind, [f"crowded-{kind}"], max_concurrency=CROWD) as (name,):
        for _ in range(ROUNDS):
            before = simulator.state()["accounts"][name]
            simulator.control("POST", f"accounts/{name}", {"revoke_access": True})
            assert ask_all(home, kind) == {"served": CROWD}
            after = simulator.state()["accounts"][name]
            assert after["exchanged"] - before["exchanged"] == 1
            assert after["stale_access"] - before["stale_access"] > CROWD / 10, "many of them met the rejection"
            assert after["reused"] == 0
    promise.tried(
        ROUNDS * CROWD, f"requests on a rejected token of kind {kind}, {CROWD} at a time: one exchange each time"
    )


def test_where_no_new_token_comes_they_move_to_another_account(home: House, promise: Ledger) -> None:
    simulator = home.stack.simulator
    with home.accounts(Kind.KIMI, ["stuck", "good"], max_concurrency=CROWD) as (stuck, _):
        simulator.control("POST", f"accounts/{stuck}", {"revoke_access": True})
        simulator.fault("http", times=None, status=503, match={"endpoint": "exchange", "account": stuck})
        assert ask_all(home, Kind.KIMI) == {"served": CROWD}
        assert simulator.state()["accounts"][stuck]["completed"] == 0
    promise.tried(CROWD, "requests on a rejected token that cannot be renewed: served by another account")
