"""Promise 5: failover is unseen while nothing was sent; after the first byte nothing is retried and nothing hidden."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kimi.accounts import Kind
from tests.faults.houses import MODELS, House, house
from tests.faults.proxy import Proxy
from tests.faults.table import Ledger
from tests.system.traffic import answer_of

PROMISE = 5
BAD = 5
"""Accounts that fail, beside one that serves."""

FAILURES: dict[str, tuple[str, dict[str, Any]]] = {
    "401": ("error", {"reason": "invalid_token", "where": "http"}),
    "403": ("http", {"status": 403}),
    "429": ("http", {"status": 429}),
    "500": ("http", {"status": 500}),
    "503": ("http", {"status": 503}),
    "in-band": ("error", {"reason": "overloaded"}),
    "stream busy": ("error", {"reason": "busy", "where": "http"}),
    "refused": ("reset", {}),
    "closed": ("close", {}),
    "empty": ("empty", {}),
    "not JSON": ("broken_body", {}),
    "a page": ("wrong_type", {}),
}

ENDINGS: list[tuple[str, dict[str, Any]]] = [
    *(("truncate", {"at": at, "how": how}) for at in ("middle", "character", "frame") for how in ("cut", "reset")),
    ("no_end", {}),
    ("error", {"reason": "overloaded", "where": "middle"}),
    ("bad_json", {}),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One gateway of two workers. It has an official key, which keeps its models known, but is of no use."""
    with house(tmp_path_factory.mktemp("failover"), gateways=1, moonshot=1) as home:
        home.retire("moonshot-0", MODELS[Kind.MOONSHOT])
        yield home


def ask_all(home: House, kind: Kind, times: int) -> Counter[str]:
    """What became of so many requests at once, half of them streamed."""

    def one(number: int) -> str:
        mark, stream = f"question {number}", number % 2 == 0
        response = home.stack.chat(mark, model=MODELS[kind], stream=stream)
        text = response.content.decode("utf-8")
        if response.status_code != 200:
            return f"{response.status_code} {text}"
        return "served" if mark in answer_of(text, stream=stream) else f"broken: {text}"

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(one, range(times)))


@pytest.mark.parametrize("kind", list(Kind))
def test_one_good_account_among_five_bad_ones_is_enough(home: House, promise: Ledger, kind: Kind) -> None:
    simulator, requests = home.stack.simulator, BAD + 1
    for failure, (what, args) in FAILURES.items():
        names = [f"{kind}-{failure}-{number}".replace(" ", "-").lower() for number in range(BAD + 1)]
        with home.accounts(kind, names):
            for name in names[:BAD]:
                simulator.fault(what, times=None, match={"account": name, "endpoint": "chat"}, **args)
            assert ask_all(home, kind, requests) == {"served": requests}, failure
            struck = sum(fault["struck"] for fault in simulator.state()["faults"])
            assert struck >= 1, failure
    promise.tried(
        requests * len(FAILURES),
        f"requests to 1 good and {BAD} bad accounts of {kind.value}: {', '.join(FAILURES)}",
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_after_the_first_byte_nothing_is_retried_and_nothing_hidden(home: House, promise: Ledger, kind: Kind) -> None:
    simulator = home.stack.simulator
    simulator.settings(event_delay=0.02)  # a reset takes with it what was not read before
    with home.accounts(kind, [f"torn-{kind}-{number}" for number in range(2)]):
        for what, args in ENDINGS:
            before = simulator.total("streams")
            simulator.fault(what, match={"endpoint": "chat", "kind": kind.value}, **args)
            text = home.stack.chat(model=MODELS[kind], stream=True).content.decode("utf-8")
            *_, error, done, rest = text.split("\n\n")
            assert (done, rest) == ("data: [DONE]", ""), (what, args, text)
            assert json.loads(error.removeprefix("data: ")).get("error"), (what, args, text)
            assert '"finish_reason":"' not in text, (what, args)
            assert simulator.total("streams") == before + 1, "it was not asked again"
    simulator.settings(event_delay=0)
    promise.tried(
        len(ENDINGS), f"answers of {kind.value} broken off in the middle: the error chunk, never a normal end"
    )


def test_an_answer_that_the_network_cuts_anywhere_is_whole_or_an_error(home: House, promise: Ledger) -> None:
    simulator = home.stack.simulator
    simulator.settings(tame=True)
    port = int(simulator.url.rpartition(":")[2])
    fates: Counter[str] = Counter()
    cuts = range(0, 12_000, 500)
    with (
        Proxy([("127.0.0.1", port)]) as way,
        home.accounts(Kind.MOONSHOT, ["far"], base_url=f"http://{way.address}/v1"),
    ):
        for limit in itertools.chain.from_iterable((count, None) for count in cuts):
            way.truncate(limit)
            way.reset()  # connections that were kept open are no longer
            response = home.stack.chat("hello", model=MODELS[Kind.MOONSHOT], stream=True)
            text = response.content.decode("utf-8")
            whole = response.status_code == 200 and "hello" in answer_of(text, stream=True)
            assert whole or (limit is not None and '"error":{"' in text and '"finish_reason":"' not in text), text
            fates["whole" if whole else "error"] += 1
    simulator.settings(tame=False)
    assert fates["whole"] > len(cuts) and fates["error"] > 5
    promise.tried(len(cuts), f"answers cut off after 0 to {cuts[-1]:,} bytes by the network: whole, or an error")
