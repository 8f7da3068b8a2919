"""Promise 4: every failure has a class, and its own reaction, as seen from outside.

Each row of the wire's table has a test of its own beside the adapters; here the real processes meet one of each class.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import Kind
from kimi.pool.store import PREFIX
from tests.faults.houses import MODELS, House, house
from tests.faults.table import Ledger

PROMISE = 4
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Case:
    """A failure, and what becomes of its account. Rests are in seconds."""

    what: str
    args: dict[str, Any]
    kind: Kind = Kind.KIMI
    rests: tuple[float, float] | None = None  # at least, at most
    state: str = "active"
    model_only: bool = False
    refreshed: bool = False
    client: int = 200  # what the client sees, with another account there
    code: str = ""

    def __str__(self) -> str:
        if self.client != 200:
            return f"told to the client as {self.code}, the account stays good"
        if self.rests:
            least, most = self.rests
            return f"the account rests for {least:g} s" + (f" to {most:g} s" if most > least else "")
        if self.model_only:
            return "this model rests on this account"
        if self.state != "active":
            return f"the account is {self.state}"
        return "one refresh" if self.refreshed else "the account stays good"


def error(reason: str, **more: Any) -> dict[str, Any]:
    return {"reason": reason, **more}


CASES = {
    "token rejected": Case("error", error("invalid_token", where="http"), refreshed=True),
    "account banned, kimi": Case("banned", {}, state="banned"),
    "key refused, moonshot": Case("error", error("incorrect_key", where="http"), Kind.MOONSHOT, state="dead"),
    "another stream runs, kimi": Case("error", error("busy"), rests=(5, 30)),
    "another stream runs, classic": Case("error", error("busy", where="http"), Kind.CLASSIC, rests=(5, 30)),
    "overload, kimi": Case("error", error("overloaded"), rests=(5, 10)),
    "overload, classic": Case("error", error("overloaded", where="http"), Kind.CLASSIC, rests=(5, 10)),
    "overload, moonshot": Case("error", error("overloaded", where="http"), Kind.MOONSHOT, rests=(3, 3)),
    "rate, moonshot": Case("error", error("rate", where="http"), Kind.MOONSHOT, rests=(7, 7)),
    "plan spent, kimi": Case("error", error("spent"), rests=(500, 6 * HOUR)),
    "quota spent, moonshot": Case("error", error("spent", where="http"), Kind.MOONSHOT, rests=(500, 6 * HOUR)),
    "model not in the plan": Case("error", error("plan"), model_only=True),
    "prompt too long": Case("error", error("too_long", where="http"), client=400, code="context_length_exceeded"),
    "content refused": Case("content_filter", {}, Kind.MOONSHOT, client=400, code="content_filter"),
    "unreachable": Case("reset", {}),
    "timeout": Case("hang", {}),
    "broken answer": Case("broken_body", {}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One gateway of two workers and of little patience; its official key only keeps the models known."""
    env = {"KIMI_FIRST_BYTE_SECONDS": "1", "GATEWAY_QUEUE_SECONDS": "3"}
    with house(tmp_path_factory.mktemp("failures"), env=env, gateways=1, moonshot=1) as home:
        home.retire("moonshot-0", MODELS[Kind.MOONSHOT])
        yield home


@pytest.mark.parametrize("name", CASES)
def test_every_class_has_its_reaction(home: House, promise: Ledger, name: str) -> None:
    case, model, tag = CASES[name], MODELS[CASES[name].kind], re.sub(r"\W+", "-", name)
    with home.accounts(case.kind, [f"{tag}-ill"], priority=10) as (ill,), home.accounts(case.kind, [f"{tag}-good"]):
        home.stack.simulator.fault(case.what, match={"account": ill, "endpoint": "chat"}, **case.args)
        exchanged = exchanges(home, ill)
        response = home.stack.chat(model=model)
        assert response.status_code == case.client, response.text
        assert not case.code or response.json()["error"]["code"] == case.code
        until(lambda: home.leases() == 0, what="both accounts are given back")
        check(home, ill, case, model)
        if case.refreshed:
            until(lambda: exchanges(home, ill) == exchanged + 1, what="its token is refreshed")
    promise.tried(1, f"{name}: {case}")


def exchanges(home: House, name: str) -> int:
    return int(home.stack.simulator.state()["accounts"][name]["exchanged"])


def check(home: House, name: str, case: Case, model: str) -> None:
    """Whether the account is in the state, and rests for as long, as its failure has it."""
    values = home.account(name)
    left = float(values["cool_until"]) / 1000 - time.time()
    assert values["state"] == case.state, values["reason"]
    if case.rests is None:
        assert left <= 0, values["cool_reason"]
    else:
        least, most = case.rests
        assert least - 1 <= left <= 1.25 * most + 1, values["cool_reason"]
    refused: Any = home.redis.zrange(f"{PREFIX}refused:{name}", 0, -1)
    assert refused == ([model] if case.model_only else [])
