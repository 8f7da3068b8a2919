"""Promise 6: the client leaves, everything is given back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import Kind
from tests.faults.houses import MODELS, House, ask, house
from tests.faults.table import Ledger

PROMISE = 6
ROUNDS = 3
SECONDS = 1.0
"""Within which the upstream's stream has to be closed and the account free."""
DELETED_SECONDS = 5.0

SILENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "amid an answer": ("stall", {"seconds": 60, "texts": 3}),
    "before the first byte": ("hang", {}),
    "amid heartbeats": ("heartbeats", {"every": 0.1}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One gateway of two workers and an account of each kind."""
    folder = tmp_path_factory.mktemp("leaving")
    with house(folder, gateways=1, kimi=1, kimi_classic=1, moonshot=1) as home:
        yield home


def calls(home: House, kind: Kind, endpoint: str) -> int:
    """How many calls of an endpoint the upstream has seen of that kind's account."""
    name = f"{kind.value.replace('-', '_')}-0"
    found: dict[str, int] = home.stack.simulator.state()["accounts"][name]["calls"]
    return found.get(endpoint, 0)


@pytest.mark.parametrize("kind", list(Kind))
def test_within_a_second_the_upstream_is_closed_and_the_account_is_free(
    home: House, promise: Ledger, kind: Kind
) -> None:
    slowest = 0.0
    cases = list(itertools.product(SILENCES.values(), (True, False), range(ROUNDS)))
    for (what, args), stream, _ in cases:
        slowest = max(slowest, leave(home, kind, what, args, stream=stream))
        until(
            lambda: not home.stack.simulator.total("chats_alive"), seconds=DELETED_SECONDS, what="the chat is deleted"
        )
    promise.tried(
        len(cases),
        f"clients of {kind.value} that leave {', '.join(SILENCES)}; all is free after {1000 * slowest:.0f} ms at most",
    )


def leave(home: House, kind: Kind, what: str, args: dict[str, Any], *, stream: bool) -> float:
    """Ask, and leave once the upstream is silent; the seconds until everything was given back."""
    simulator = home.stack.simulator
    simulator.fault(what, match={"endpoint": "chat", "kind": kind.value}, **args)
    before = calls(home, kind, "chat")
    client = ask(home.stack.gateway.port, "hello", model=MODELS[kind], stream=stream)
    until(lambda: calls(home, kind, "chat") > before and home.leases() == 1, what="the upstream is asked")
    # Where the client is gone before the chat's id has come nobody can delete it.
    until(lambda: home.noted_chats() >= simulator.total("chats_alive"), what="its chat is known")
    if stream and what == "stall":
        client.recv(1)
    left = time.monotonic()
    client.close()
    until(lambda: home.leases() == 0 and not simulator.total("open_streams"), seconds=SECONDS, what="all is free")
    return time.monotonic() - left


def test_a_classic_answer_is_cancelled(home: House, promise: Ledger) -> None:
    simulator = home.stack.simulator
    for number in range(ROUNDS):
        before = calls(home, Kind.CLASSIC, "cancel")
        simulator.fault("stall", seconds=60, texts=3, match={"endpoint": "chat", "kind": Kind.CLASSIC.value})
        with ask(home.stack.gateway.port, str(number), model=MODELS[Kind.CLASSIC], stream=True) as client:
            client.recv(1)
        until(lambda before=before: calls(home, Kind.CLASSIC, "cancel") == before + 1, seconds=SECONDS)  # type: ignore[misc]
    promise.tried(ROUNDS, "answers of kimi-classic whose client left: cancelled upstream")


def test_who_leaves_the_queue_leaves_nothing(home: House, promise: Ledger) -> None:
    waiting, simulator = 20, home.stack.simulator
    simulator.fault("stall", seconds=60, texts=1, match={"endpoint": "chat", "kind": Kind.CLASSIC.value})
    model = MODELS[Kind.CLASSIC]
    with ask(home.stack.gateway.port, "the one before", model=model, stream=True) as busy:
        busy.recv(1)
        streams = calls(home, Kind.CLASSIC, "chat")
        clients = [ask(home.stack.gateway.port, str(number), model=model) for number in range(waiting)]
        until(lambda: home.waiting() == waiting, what="all of them wait")
        for client in clients:
            client.close()
        until(lambda: home.waiting() == 0, seconds=SECONDS, what="the queue is empty")
    until(lambda: home.leases() == 0, seconds=SECONDS, what="the account is free")
    assert calls(home, Kind.CLASSIC, "chat") == streams, "nobody was asked for clients that had left"
    promise.tried(waiting, "clients that leave while they wait for an account")
