"""The adapters and the exchange over real HTTP, against the simulator and its faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devtools.waiting import until
from kimi import claims
from kimi.accounts import Account, Kind
from kimi.chat import Chat, Feature, Message
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    ModelRefused,
    Overloaded,
    PromptTooLong,
    QuotaSpent,
    RateLimited,
    TokenRejected,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.events import Answering, ChatOpened, Event, Finish, Usage
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.upstreams import Cancels, KeepsChats, KnowsAllowance
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.registry import build
from tests.kimi.replay import step, text_of, thinking_of
from tests.simulator.running import Simulator

KINDS = list(Kind)
WEB = [Kind.KIMI, Kind.CLASSIC]
ANSWER = "Guten Tag，世界 🌙\n\n再见。"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def transport() -> Transport:
    return Transport()


@dataclass
class Bench:
    """One account of the simulator and everything that talks to it."""

    simulator: Simulator
    transport: Transport
    endpoints: Endpoints
    account: Account
    secret: str
    token: str = ""

    def log_in(self) -> None:
        if self.account.kind is Kind.MOONSHOT:
            self.token = self.secret
        else:
            self.token = Exchange(self.transport, self.endpoints).refresh(self.account, self.secret).access

    def stream(self, *, idle: float = 20, **chat: Any) -> list[Event]:
        model = "kimi-k2.6" if self.account.kind is Kind.MOONSHOT else "kimi"
        wanted = {"model": model, "messages": (Message("user", "你好"),), **chat}
        upstream = build(Line(self.transport, self.endpoints, idle=idle))[self.account.kind]
        events: list[Event] = []
        try:
            for batch in upstream.stream(Chat(**wanted), self.account, self.token):
                events += batch or ()  # what came before an error counts
        finally:
            for event in events:
                if isinstance(event, ChatOpened) and isinstance(upstream, KeepsChats):
                    upstream.delete_chat(event.chat_id, self.account, self.token)
        return events

    def chats(self) -> int:
        return int(self.simulator.account(self.account.name)["chats_alive"])


@pytest.fixture
def bench(running: Simulator, transport: Transport, kind: Kind) -> Iterator[Bench]:
    running.reset()
    minted = running.mint(kind=kind.value, name="alice")
    endpoints = Endpoints(running.url, running.url, running.url, f"{running.url}/v1")
    secret = minted["api_key"] if kind is Kind.MOONSHOT else minted["refresh_token"]
    made = Bench(running, transport, endpoints, Account(name="alice", kind=kind), secret)
    made.log_in()
    yield made
    transport.close()  # its connections; the next test opens new ones


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_answered_and_nothing_is_left_behind(bench: Bench) -> None:
    bench.simulator.fault("answer", text=ANSWER, thinking="Hm，嗯 🤔")

    events = bench.stream(features=frozenset({Feature.THINKING}))

    assert text_of(events) == ANSWER
    assert thinking_of(events) == "Hm，嗯 🤔"
    finish = events[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == "stop"
    assert isinstance(finish.usage, Usage) == (bench.account.kind is Kind.MOONSHOT)
    assert sum(isinstance(event, ChatOpened) for event in events) == bench.account.kind.is_web
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", WEB)
def test_search_answers_too(bench: Bench) -> None:
    bench.simulator.fault("answer", text="The moon.", thinking="", marks=False)

    assert text_of(bench.stream(features=frozenset({Feature.SEARCH}))) == "The moon."


@pytest.mark.parametrize("kind", WEB)
def test_a_history_of_several_turns_is_understood(bench: Bench) -> None:
    bench.simulator.fault("answer", text="You said: {prompt}", thinking="")
    turns = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "and c?"))

    assert text_of(bench.stream(messages=turns)) == "You said: and c?"


@pytest.mark.parametrize("kind", WEB)
def test_tokens_rotate_and_say_when_they_end(bench: Bench) -> None:
    secret = bench.simulator.account("alice")["refresh_token"]
    pair = Exchange(bench.transport, bench.endpoints).refresh(bench.account, secret)

    assert (claims.read(pair.access).typ, claims.read(pair.refresh).typ) == ("access", "refresh")
    assert (claims.read(pair.access).exp or 0) > (claims.read(pair.access).iat or 0) > 0
    bench.token = pair.access
    assert bench.stream()[-1] == Finish("stop")


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize("shape", ["camel", "snake", "wrapped"])
def test_the_exchange_understands_every_shape(bench: Bench, shape: str) -> None:
    bench.simulator.fault("shape", shape=shape)
    pair = Exchange(bench.transport, bench.endpoints).refresh(
        bench.account, bench.simulator.account("alice")["refresh_token"]
    )

    assert claims.read(pair.refresh).typ == "refresh"


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("no_tokens", {}, UpstreamError),
        ("no_tokens", {"empty": True}, BrokenAnswer),
        ("broken_body", {}, BrokenAnswer),
        ("empty_body", {}, BrokenAnswer),
        ("wrong_type", {}, BrokenAnswer),
        ("banned", {}, AccountBanned),
        ("abnormal", {}, AccountBanned),
        ("http", {"status": 401, "body": "{}"}, AccountDead),
        ("http", {"status": 403, "body": "{}"}, AccountDead),
        ("http", {"status": 429, "body": "{}"}, RateLimited),
        ("http", {"status": 502}, UpstreamError),
        ("reset", {}, Unreachable),
        ("close", {}, Unreachable),
        ("refused", {}, Unreachable),
        ("lost_reply", {"how": "cut"}, UpstreamError),
        ("lost_reply", {"how": "reset"}, Unreachable),
    ],
)
def test_an_exchange_that_fails(bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]) -> None:
    bench.simulator.fault(what, match={"endpoint": "exchange"}, **args)

    with pytest.raises(error):
        Exchange(bench.transport, bench.endpoints).refresh(
            bench.account, bench.simulator.account("alice")["refresh_token"]
        )


CLASSIC_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": TokenRejected,
    "abnormal": AccountBanned,
    "forbidden": ContentRefused,
    "busy": AccountBusy,
    "too_fast": AccountBusy,
    "overloaded": Overloaded,
    "too_long": PromptTooLong,
    "anonymous": QuotaSpent,
    "internal": UpstreamError,
    "unknown": BrokenAnswer,
}
CONNECT_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": TokenRejected,
    "abnormal": AccountBanned,
    "busy": AccountBusy,
    "overloaded": Overloaded,
    "overloaded_free": Overloaded,
    "plan": ModelRefused,
    "spent": QuotaSpent,
    "concurrent_limit": AccountBusy,
    "internal": UpstreamError,
    "unavailable": UpstreamError,
    "unknown": BrokenAnswer,
}
MOONSHOT_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": AccountDead,
    "incorrect_key": AccountDead,
    "permission": ModelRefused,
    "not_found": ModelRefused,
    "content_filter": ContentRefused,
    "too_long": PromptTooLong,
    "overloaded": Overloaded,
    "spent": QuotaSpent,
    "busy": RateLimited,
    "rate": RateLimited,
    "internal": UpstreamError,
    "unavailable": UpstreamError,
    "unknown": BrokenAnswer,
}
REASONS = [
    (kind, reason, error)
    for kind, table in (
        (Kind.CLASSIC, CLASSIC_REASONS),
        (Kind.KIMI, CONNECT_REASONS),
        (Kind.MOONSHOT, MOONSHOT_REASONS),
    )
    for reason, error in table.items()
]


@pytest.mark.parametrize(("kind", "reason", "error"), REASONS)
@pytest.mark.parametrize("where", [None, "http", "json", "first", "middle", "trailer"])
def test_an_error_is_what_it_says_wherever_it_stands(
    bench: Bench, reason: str, error: type[KimiError], where: str | None
) -> None:
    bench.simulator.fault("error", match={"endpoint": "chat"}, reason=reason, where=where)

    with pytest.raises(error):
        bench.stream()
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("empty", {}, BrokenAnswer),
        ("no_end", {}, BrokenAnswer),
        ("garbage", {}, BrokenAnswer),
        ("bad_json", {}, BrokenAnswer),
        ("bad_utf8", {}, BrokenAnswer),
        ("oversize", {}, BrokenAnswer),
        ("wrong_type", {}, BrokenAnswer),
        ("empty_body", {}, BrokenAnswer),
        ("broken_body", {}, BrokenAnswer),
        ("reset", {}, Unreachable),
        ("close", {}, Unreachable),
        ("refused", {}, Unreachable),
        ("hang", {}, UpstreamTimeout),
        ("hang", {"texts": 3}, UpstreamTimeout),
        *[
            ("truncate", {"at": at, "how": how}, UpstreamError)
            for at in ("start", "middle", "character", "frame")
            for how in ("cut", "fin", "reset")
        ],
    ],
)
def test_a_stream_that_fails_never_passes_for_an_answer(
    bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]
) -> None:
    bench.simulator.fault(what, match={"endpoint": "chat"}, **args)

    with pytest.raises(error):
        bench.stream(idle=0.3 if what == "hang" else 20)
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", [Kind.KIMI])
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("compressed", {}, BrokenAnswer),
        ("bad_flags", {}, BrokenAnswer),
        ("retract", {}, ContentRefused),
        ("retract", {"reason": "overloaded"}, Overloaded),
    ],
)
def test_a_connect_stream_that_fails(bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]) -> None:
    bench.simulator.fault(what, **args)

    with pytest.raises(error):
        bench.stream()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("what", "args"),
    [("unknown", {}), ("gzip", {}), ("degrade", {}), ("stall", {"seconds": 0.2}), ("slow", {"seconds": 0.2})],
)
def test_oddities_do_no_harm(bench: Bench, what: str, args: dict[str, Any]) -> None:
    bench.simulator.settings(answer=ANSWER)
    bench.simulator.fault(what, match={"endpoint": "chat"}, **args)

    assert text_of(bench.stream()) == ANSWER


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.MOONSHOT])
def test_the_vendors_filter_is_told(bench: Bench) -> None:
    bench.simulator.fault("content_filter")

    with pytest.raises(ContentRefused):
        bench.stream()


@pytest.mark.parametrize("kind", [Kind.CLASSIC, Kind.MOONSHOT])
def test_the_output_limit_is_told(bench: Bench) -> None:
    bench.simulator.fault("length", texts=2, match={"endpoint": "chat"})

    finish = bench.stream()[-1]

    assert isinstance(finish, Finish)
    assert finish.reason == "length"


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_the_models_of_a_key(bench: Bench) -> None:
    assert "kimi-k2.6" in Moonshot(Line(bench.transport, bench.endpoints)).list_models(bench.account, bench.token)
    with pytest.raises(AccountDead):
        Moonshot(Line(bench.transport, bench.endpoints)).list_models(bench.account, "sk-wrong")


@pytest.mark.parametrize("kind", WEB)
def test_leaving_early_frees_the_account(bench: Bench) -> None:
    bench.simulator.fault("hang", texts=2, match={"endpoint": "chat"})
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    stream = upstream.stream(Chat(model="kimi", messages=(Message("user", "x"),)), bench.account, bench.token)
    while not text_of(step(stream)):
        pass
    stream.close()

    def answered() -> bool:
        try:
            return bench.stream()[-1] == Finish("stop")
        except AccountBusy:
            return False

    assert until(answered, what="the account is free again")


@pytest.mark.parametrize("kind", [Kind.CLASSIC])
def test_an_answer_that_is_cancelled_frees_an_account_that_would_stay_busy(bench: Bench) -> None:
    bench.simulator.settings(linger_seconds=60)
    bench.simulator.fault("hang", texts=2, match={"endpoint": "chat"})
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    stream = upstream.stream(Chat(model="kimi", messages=(Message("user", "x"),)), bench.account, bench.token)
    told = (event for batch in stream for event in batch or ())
    opened, begun = next(told), next(event for event in told if isinstance(event, Answering))
    stream.close()
    until(lambda: bench.simulator.account("alice")["closed_by_peer"] == 1, what="the stream is closed")
    with pytest.raises(AccountBusy):
        bench.stream()

    assert isinstance(opened, ChatOpened) and isinstance(upstream, Cancels)
    upstream.cancel(opened.chat_id, begun.segment_id, bench.account, bench.token)

    assert bench.stream()[-1] == Finish("stop")


@pytest.mark.parametrize("kind", [Kind.KIMI])
def test_the_time_at_which_a_spent_plan_begins_anew(bench: Bench) -> None:
    bench.simulator.account("alice", used=1.0, resets_in=5000)
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]

    assert isinstance(upstream, KnowsAllowance)
    assert upstream.resets_in(bench.account, bench.token) == pytest.approx(5000, abs=60)


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_a_key_that_has_spent_everything_is_looked_at_again_and_one_that_has_not_rests_as_long_as_others(
    bench: Bench,
) -> None:
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    assert isinstance(upstream, KnowsAllowance)
    assert upstream.resets_in(bench.account, bench.token) is None

    bench.simulator.account("alice", balance=0.0)
    assert upstream.resets_in(bench.account, bench.token) == 900


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_the_organisation_of_a_limit_is_told_without_its_name(bench: Bench) -> None:
    organisations = []
    for reason in ("rate", "busy"):
        bench.simulator.fault("error", reason=reason, match={"endpoint": "chat"})
        with pytest.raises(RateLimited) as limited:
            bench.stream()
        organisations.append(limited.value.organisation)
        assert "org-" not in str(limited.value)
    assert organisations[0] == organisations[1] != ""
