"""Deep research, of which an account has so much and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.chat import Feature
from kimi.errors import AccountBanned, FeatureSpent, KimiError, TokenRejected, Unreachable
from kimi.events import Answering, Finish, Source, Sources, Text, Thinking
from tests.kimi.classical import ACCOUNT, CHAT, CREATED, OPENED, TOKEN, classic, streamed, told
from tests.kimi.replay import Recorded, Replay, as_json

RESEARCH = replace(CHAT, features=frozenset({Feature.RESEARCH}))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65536])
def test_research_is_thought_and_sources_and_a_report(size: int) -> None:
    http = Replay(as_json({"remain": 1, "total": 5, "used": 4}), CREATED, streamed("classic-research.sse", size))
    events = told(http, RESEARCH)
    usage, _, complete = http.calls

    assert events == [
        OPENED,
        Answering("cs2r0f4pqrs5bbbbbbb9"),
        Thinking("First the sources，"),
        Sources((Source("1", "https://example.com/moon", "Moon"),)),
        Sources((Source("2", "https://example.org/tides", "Tides"),)),
        Thinking("then the report."),
        Text("# 月亮\n\n"),
        Text("It pulls[^2^]."),
        Finish("stop"),
    ]
    assert (usage.method, usage.url) == ("GET", "http://classic/api/chat/research/usage")
    assert usage.headers["Authorization"] == f"Bearer {TOKEN}"
    assert (complete.json["use_research"], complete.json["use_deep_research"]) == (True, True)
    assert complete.timeout == 600  # it may be silent for long


def test_nothing_is_made_when_nothing_is_left() -> None:
    http = Replay(as_json({"remain": 0, "total": 5, "used": 5}))

    with pytest.raises(FeatureSpent, match="used 5 of its 5"):
        told(http, RESEARCH)
    assert len(http.calls) == 1


def test_pages_that_the_stream_keeps_to_itself_are_asked_for() -> None:
    refs = {"items": [{"refs": [{"ref_id": "12", "ref_doc": {"title": "Moon", "url": "https://example.com/moon"}}]}]}
    http = Replay(as_json({"remain": 1}), CREATED, streamed("classic-unsourced.sse"), as_json(refs))

    assert Sources((Source("12", "https://example.com/moon", "Moon"),)) in told(http, RESEARCH)


@pytest.mark.parametrize(
    "usage",
    [
        Recorded(b"", 404),
        Recorded(b"", 500),
        Recorded(b"<html>"),
        as_json([]),
        as_json({"remain": "many"}),
        as_json({"left": 0}),
        as_json({"error_type": "some.thing", "message": "x"}),
    ],
)
def test_an_allowance_that_nobody_understands_stops_nobody(usage: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    assert told(Replay(usage, CREATED, streamed("classic-research.sse")), RESEARCH)[-1] == Finish("stop")
    assert "research.usage" in caplog.text


@pytest.mark.parametrize(
    ("usage", "error"),
    [
        (as_json({"error_type": "auth.token.invalid"}, 401), TokenRejected),
        (as_json({"error_type": "auth.token.invalid"}), TokenRejected),
        (as_json({"error_type": "auth.account_abnormal"}, 403), AccountBanned),
        (Recorded(error=Unreachable()), Unreachable),
    ],
)
def test_what_ails_the_account_is_told_at_once(usage: Recorded, error: type[KimiError]) -> None:
    http = Replay(usage)
    with pytest.raises(error):
        list(classic(http).stream(RESEARCH, ACCOUNT, TOKEN))
    assert len(http.calls) == 1
