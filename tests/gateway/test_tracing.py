"""Spans without a network; with a collector see tests/monitoring."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gateway.journal import Entry
from gateway.settings import GatewaySettings
from gateway.tracing import check_tracing, traces
from gateway.tracing_spans import Spans
from kimi.events import Usage

SECONDS = 5.0


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[Spans]:
    spans = Spans(exporter, "here")
    yield spans
    spans.close(SECONDS)


def entry(**known: object) -> Entry:
    asked = {"model": "kimi", "account": "alice", "kind": "kimi", "attempts": 1, "status": 200, **known}
    return Entry(request_id="req-1", method="POST", route="/v1/chat/completions", started=0.0, **asked)  # type: ignore[arg-type]


def settings(**values: str) -> GatewaySettings:
    return GatewaySettings.model_validate({"gateway_api_keys": "key", **values})


def test_what_is_left_is_sent_at_the_end(spans: Spans, exporter: InMemorySpanExporter) -> None:
    trace = spans.note(entry(usage=Usage(3, 4), queue_seconds=0.5, failovers=("Overloaded",), failed=("bob",)), 2.0)
    spans.close(SECONDS)
    (span,) = exporter.get_finished_spans()
    assert span.context is not None and f"{span.context.trace_id:032x}" == trace
    assert span.start_time is not None and span.end_time is not None
    assert span.end_time - span.start_time == 2_000_000_000
    (event,) = span.events
    assert event.timestamp - span.start_time == 500_000_000
    assert dict(event.attributes or {}) == {"error.type": "Overloaded", "kimi.account": "bob"}
    assert (span.attributes or {})["gen_ai.usage.output_tokens"] == 4
    assert span.resource.attributes["service.name"] == "here"


@pytest.mark.parametrize(
    ("status", "outcome", "expected"),
    [
        (200, "ok", StatusCode.UNSET),
        (200, "client_gone", StatusCode.UNSET),
        (404, "model_not_found", StatusCode.UNSET),
        (200, "upstream_error", StatusCode.ERROR),
        (503, "no_available_account", StatusCode.ERROR),
    ],
)
def test_an_error_is_what_is_the_servers_affair(
    spans: Spans, exporter: InMemorySpanExporter, status: int, outcome: str, expected: StatusCode
) -> None:
    spans.note(entry(status=status, outcome=outcome), 1.0)
    spans.close(SECONDS)
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is expected


def test_long_names_are_cut(spans: Spans, exporter: InMemorySpanExporter) -> None:
    spans.note(entry(model="m" * 1000), 1.0)
    spans.close(SECONDS)
    (span,) = exporter.get_finished_spans()
    assert span.name == f"chat {'m' * 100}"


def test_headers_of_opentelemetrys_own_are_not_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization: Bearer hush")
    made = traces(settings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"))
    assert made is not None
    made.close(SECONDS)
    assert "hush" not in caplog.text


def test_they_are_made_where_the_operator_wants_them() -> None:
    off = settings(otel_exporter_otlp_headers="a=b")
    check_tracing(off)
    assert traces(off) is None
    for name in ("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint"):
        on = settings(**{name: "http://127.0.0.1:1"})
        check_tracing(on)
        made = traces(on)
        assert made is not None
        made.close(SECONDS)
