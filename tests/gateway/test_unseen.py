"""Every fault of the simulator's chats, in each dialect, before and after the first piece of the answer.

`bad` is struck and asked first; `good` is healthy. Before the first piece nobody may notice; after it the answer is
complete or ends in an error, and `good` is not asked.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.errors import KimiError, RequestRefused
from kimi.events import Event, Finish
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from simulator.catalogue import CATALOGUE
from simulator.kinds import Kind as Struck
from simulator.reasons import REASONS
from tests.gateway.houses import House, MakeHouse, texts
from tests.simulator.running import Simulator

ANSWER = "一二三四五六七八 nine ten eleven twelve 🌙 thirteen fourteen"
MODEL = "kimi-k2.6"
ELSEWHERE = frozenset({"heartbeats"})
"""Only a total deadline ends them, which needs sockets that let the event loop run; see the tests of deadlines."""
REFUSALS = frozenset({"forbidden", "content_filter", "too_long"})
"""Reasons that are the client's affair: `good` would say the same."""
READ_TOGETHER = frozenset({"garbage", "bad_utf8"})
"""What arrives in one piece with these is not read at all: it may be that nothing was sent when they are met."""
FILTERED = frozenset({"retract", "content_filter"})


@dataclass(frozen=True)
class Case:
    kind: Kind
    what: str
    args: dict[str, Any] = field(default_factory=dict)
    after: bool = False  # the first piece of the answer

    def __str__(self) -> str:
        args = "-".join(str(value) for value in self.args.values())
        return f"{self.kind.value}-{self.what}-{args}-{'after' if self.after else 'before'}"

    @property
    def refuses(self) -> bool:
        """Whether the client is refused, and rightly so."""
        invalid = self.kind is Kind.MOONSHOT and self.args.get("reason") == "invalid"
        return self.args.get("reason") in REFUSALS or self.what in FILTERED or invalid


def variants(kind: Kind, what: str) -> Iterator[Case]:
    args = CATALOGUE[what].args
    if what == "error":
        for reason in REASONS[Struck(kind.value)]:
            yield Case(kind, what, {"reason": reason, "where": "http"})
            yield Case(kind, what, {"reason": reason, "where": "first"})
            yield Case(kind, what, {"reason": reason, "where": "middle"}, True)
    elif what == "truncate":
        for how in ("cut", "fin", "reset"):
            yield Case(kind, what, {"at": "start", "how": how})
            for at in ("middle", "character", "frame"):
                yield Case(kind, what, {"at": at, "how": how, "texts": 0})
                yield Case(kind, what, {"at": at, "how": how, "texts": 3}, True)
            yield Case(kind, what, {"at": "end", "how": how}, True)
    elif what in ("stall", "slow"):
        yield Case(kind, what, {"seconds": 0.1})
    elif what == "no_end":
        yield Case(kind, what, after=True)
    elif "texts" in args:
        yield Case(kind, what, {"texts": 0})
        yield Case(kind, what, {"texts": 3}, True)
    else:
        yield Case(kind, what)


CASES = [
    case
    for what, entry in CATALOGUE.items()
    if "chat" in entry.endpoints and what not in ELSEWHERE
    for kind in Kind
    if Struck(kind.value) in entry.kinds
    for case in variants(kind, what)
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """Of no use here, and costly to make for every test."""
    return ssl.create_default_context()


@pytest.fixture
def transport(context: ssl.SSLContext) -> Iterator[Transport]:
    """With connections of its own: what a fault before has done to one would be a second fault."""
    made = Transport(ssl_context=context)
    yield made
    made.close()


@dataclass
class Scene:
    """A gateway's inside over two accounts of the simulator."""

    case: Case
    simulator: Simulator
    house: House
    came: list[Event] = field(default_factory=list)

    def admit(self, name: str, priority: int) -> ConfiguredAccount:
        kind = self.case.kind
        minted = self.simulator.mint(kind=kind.value, name=name)
        secret = minted["api_key"] if kind is Kind.MOONSHOT else minted["refresh_token"]
        return ConfiguredAccount(Account(name=name, kind=kind, priority=priority), secret)

    def fill(self, transport: Transport, endpoints: Endpoints) -> None:
        pool = self.house.pool
        members = [self.admit("bad", 1), self.admit("good", 0)]
        pool.members.sync(members)
        for member in members:
            record = pool.members.get(member.account.name)
            assert record is not None
            official = member.account.kind is Kind.MOONSHOT
            tokens = (
                Tokens(member.secret, member.secret)
                if official
                else Exchange(transport, endpoints).refresh(member.account, member.secret)
            )
            now = pool.clock.now
            models = (MODEL,) if official else ()
            pool.tokens.save(record, tokens, issued=now, expires=now + 900, next_due=now + 450, models=models)

    def ask(self) -> KimiError | None:
        """The error that ends the answer, if one does; what came before it is kept."""
        completion = self.house.start(MODEL if self.case.kind is Kind.MOONSHOT else "kimi")
        try:
            while not self.came or not isinstance(self.came[-1], Finish):
                self.came += completion.next(20)
        except KimiError as error:
            return error
        return None

    def streams(self, name: str) -> int:
        return int(self.simulator.account(name)["calls"].get("chat", 0))

    def nothing_is_left(self) -> None:
        self.house.settle()
        until(lambda: self.simulator.state()["totals"]["open_streams"] == 0, what="streams are closed")
        assert self.simulator.state()["totals"]["chats_alive"] == 0


@pytest.fixture
def scene(make_house: MakeHouse, simulator: Simulator, transport: Transport, case: Case) -> Scene:
    simulator.reset()
    simulator.settings(answer=ANSWER, thinking="", events=8)
    endpoints = Endpoints(simulator.url, simulator.url, simulator.url, f"{simulator.url}/v1")
    line = Line(transport, endpoints, idle=0.5 if case.what == "hang" else 20)
    made = Scene(case, simulator, make_house(upstreams=build(line)))
    made.fill(transport, endpoints)
    simulator.fault(case.what, times=None, match={"account": "bad", "endpoint": "chat"}, **case.args)
    return made


@pytest.mark.parametrize("case", [case for case in CASES if not case.after], ids=str)
def test_before_the_first_piece_a_fault_is_unseen(scene: Scene) -> None:
    error = scene.ask()

    if scene.case.refuses:
        assert error is None or isinstance(error, RequestRefused)
        assert scene.streams("good") == 0
    elif scene.case.what == "length":
        assert error is None and [event.reason for event in scene.came if isinstance(event, Finish)] == ["length"]
    else:
        assert error is None
        assert texts(scene.came) == ANSWER
        assert getattr(scene.came[-1], "reason", None) == "stop"
    scene.nothing_is_left()


@pytest.mark.parametrize("case", [case for case in CASES if case.after], ids=str)
def test_after_the_first_piece_an_answer_is_complete_or_ends_in_an_error(scene: Scene) -> None:
    error = scene.ask()

    if scene.streams("good"):
        assert scene.case.what in READ_TOGETHER
        assert (error, texts(scene.came)) == (None, ANSWER)
    elif error is None and scene.case.what not in FILTERED:
        finish = scene.came[-1]
        assert isinstance(finish, Finish)
        assert finish.reason != "stop" or texts(scene.came) == ANSWER
    elif error is not None:
        assert ANSWER.startswith(texts(scene.came))
    scene.nothing_is_left()
