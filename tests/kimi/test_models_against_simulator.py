"""What is listed can be asked: every name, with every wish to think, of accounts with different lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Effort, Message
from kimi.errors import KimiError, ModelRefused
from kimi.events import ChatOpened, Finish
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.models import listing, select
from kimi.upstreams import KeepsChats
from kimi.upstreams.connect_models import ConnectModels
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from tests.kimi.replay import said
from tests.simulator.running import EMPTY, Simulator

EFFORTS: tuple[Effort | None, ...] = (None, "none", "low", "medium", "high", "max")
K3 = "kimi:SCENARIO_OK_COMPUTER/ok-computer+thinking"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(*EMPTY) as simulator:
        yield simulator


@dataclass
class Asker:
    """An account of the simulator that is asked for models."""

    simulator: Simulator
    kind: Kind
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        url = self.simulator.url
        self.line = Line(Transport(), Endpoints(url, url, url, f"{url}/v1"))
        self.account = Account(name=f"{self.kind}-{len(self.simulator.state()['accounts'])}", kind=self.kind)
        minted = self.simulator.mint(kind=self.kind.value, name=self.account.name, **self.options)
        tokens = Exchange(self.line.http, self.line.endpoints).refresh(self.account, minted["refresh_token"])
        self.token = tokens.access
        self.routes = [self.kind.value]
        if self.kind is Kind.KIMI:
            self.routes += [f"kimi:{entry}" for entry in ConnectModels(self.line).list_models(self.account, self.token)]

    def ask(self, name: str, effort: Effort | None = None, routes: tuple[str, ...] = ()) -> None:
        """Raises what comes instead of an answer."""
        selection = select(name, routes or self.routes)
        upstream = build(self.line)[self.kind]
        assert isinstance(upstream, KeepsChats)
        chat = Chat(
            model=selection.model_for(self.kind),
            messages=(Message("user", "你好"),),
            features=selection.features,
            effort=effort,
        )
        events = said(upstream.stream(chat, self.account, self.token))
        assert isinstance(events[-1], Finish)
        for event in events:
            if isinstance(event, ChatOpened):
                upstream.delete_chat(event.chat_id, self.account, self.token)


@pytest.mark.parametrize(
    ("kind", "options", "has", "lacks"),
    [
        (Kind.KIMI, {"plan": "free"}, "kimi kimi-k2 kimi-k2.6-search", "kimi-k3 kimi-k2-thinking kimi-research"),
        (Kind.KIMI, {"plan": "paid"}, "kimi-thinking kimi-k3 kimi-k3-thinking", "kimi-k1 kimi-math"),
        (Kind.KIMI, {"scenarios": ["SCENARIO_K2D5", "SCENARIO_K3"]}, "kimi-k2.6 kimi-k3-thinking", "kimi-k2"),
        (Kind.CLASSIC, {}, "kimi-research kimi-math kimi-k1", "kimi-k3"),
    ],
)
def test_every_name_that_is_listed_is_answered(
    simulator: Simulator, kind: Kind, options: dict[str, Any], has: str, lacks: str
) -> None:
    asker = Asker(simulator, kind, options)
    names = listing(asker.routes)
    assert set(has.split()) <= set(names) and set(lacks.split()).isdisjoint(names)
    for name in names:
        asker.ask(name)


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_wish_to_think_is_one_that_the_model_takes(simulator: Simulator, effort: Effort | None) -> None:
    paid = Asker(simulator, Kind.KIMI)
    for name in ("kimi", "kimi-thinking", "kimi-k2", "kimi-k3", "kimi-k3-thinking", "conpg00t7lagbbsfqkq0"):
        paid.ask(name, effort)
    Asker(simulator, Kind.CLASSIC).ask("kimi-k1.5", effort)


def test_a_model_that_is_not_in_the_plan_is_refused_and_so_not_listed(simulator: Simulator) -> None:
    free = Asker(simulator, Kind.KIMI, {"plan": "free"})
    assert K3 not in free.routes
    with pytest.raises(ModelRefused):
        free.ask("kimi-k3", routes=("kimi", "kimi:*"))


def test_an_account_whose_list_cannot_be_had(simulator: Simulator) -> None:
    asker = Asker(simulator, Kind.KIMI)
    for fault in ("empty_body", "broken_body", "wrong_type", "close"):
        simulator.fault(fault, times=1, match={"endpoint": "models"})
        with pytest.raises(KimiError):
            ConnectModels(asker.line).list_models(asker.account, asker.token)
