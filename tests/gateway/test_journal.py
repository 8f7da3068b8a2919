"""What a request leaves behind when it is over; the fields themselves see tests/monitoring."""

from __future__ import annotations

import json

import pytest

from gateway.journal import Entry, Journal
from gateway.metrics import Metrics
from kimi import logs
from kimi.events import Usage
from kimi.pool.counts import Counts

pytestmark = pytest.mark.usefixtures("own_logging")


class Tracer:
    """Notes what it is to make spans of."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def note(self, entry: Entry, total: float) -> str:
        assert total == 4.0
        self.noted.append(entry.route)
        return "0af7"

    def close(self, seconds: float) -> None:
        """Nothing is kept."""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def answered(**known: object) -> Entry:
    entry = {"route": "/v1/chat/completions", "status": 200, "attempts": 2, "failovers": ("Overloaded",), **known}
    return Entry(request_id="req-1", method="POST", started=10.0, **entry)  # type: ignore[arg-type]


def figures(metrics: Metrics) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in metrics.text().decode().splitlines() if not line.startswith("#"))
    return {name.removeprefix("kimi_gateway_"): float(value) for name, _, value in lines}


def test_an_answer_is_counted_once_and_its_events_by_their_mean(metrics: Metrics) -> None:
    journal = Journal(metrics, Counts())
    journal.write(answered(first_event_seconds=1.0, events=6, usage=Usage(3, 4)), 14.0)
    told = figures(metrics)
    assert told["leases_total"] == 2 and told['failovers_total{reason="Overloaded"}'] == 1
    assert told["event_seconds_count"] == 1 and told["event_seconds_sum"] == 0.5
    assert told["first_event_seconds_sum"] == 1 and told["completion_seconds_sum"] == 4
    assert told['tokens_total{direction="completion"}'] == 4


def test_what_never_began_has_no_time_of_its_events(metrics: Metrics) -> None:
    Journal(metrics, Counts()).write(answered(status=502, outcome="upstream_error"), 14.0)
    told = figures(metrics)
    assert told["event_seconds_count"] == told["first_event_seconds_count"] == 0
    assert told["completion_seconds_count"] == told['failures_total{code="upstream_error"}'] == 1


@pytest.mark.parametrize(
    ("known", "counted"),
    [
        ({"stream": False, "attempts": 1}, {"upstream_error": 1}),
        ({"stream": True, "attempts": None}, {"upstream_error": 1}),
        ({"attempts": None}, {}),
        ({"attempts": None, "route": "/v1/messages/count_tokens", "model": "kimi"}, {}),
    ],
    ids=["answered", "no account was looked for", "not understood", "words are counted"],
)
def test_how_questions_end_is_told_apart_from_all_else(
    metrics: Metrics, known: dict[str, object], counted: dict[str, float]
) -> None:
    Journal(metrics, Counts()).write(answered(status=502, outcome="upstream_error", **known), 14.0)
    told = figures(metrics)
    assert told['failures_total{code="upstream_error"}'] == 1
    ended = {name: value for name, value in told.items() if name.startswith("answers_total")}
    assert ended == {f'answers_total{{outcome="{outcome}"}}': value for outcome, value in counted.items()}


def test_a_line_names_its_trace_and_probes_leave_neither(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    tracer = Tracer()
    journal = Journal(metrics, Counts(), tracer)
    journal.write(answered(), 14.0)
    journal.write(answered(route="/healthz", attempts=None, failovers=()), 14.0)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert line["trace_id"] == "0af7"
    assert tracer.noted == ["/v1/chat/completions"]
