"""Spans of requests, in the words of OpenTelemetry's conventions for HTTP and for generative AI."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Final

import gevent
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from gateway.journal import Entry
from gateway.settings import GatewaySettings
from kimi.version import VERSION

EVERY_SECONDS: Final = 1.0
"""So often what is there is sent, behind all requests."""
AT_ONCE: Final = 32
"""Spans that are sent together: writing them down holds everybody else up, for 2 to 4 ms."""
MOST: Final = 4_096
"""Spans that wait while nobody takes them. Then the oldest are lost."""
TIMEOUT_SECONDS: Final = 5.0
_NS: Final = 1_000_000_000


class Spans:
    """Makes one span of each request, at its end, and has them sent in the background."""

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.version": VERSION})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=MOST,
                schedule_delay_millis=EVERY_SECONDS * 1000,
                max_export_batch_size=AT_ONCE,
            )
        )
        self._tracer = self._provider.get_tracer("kimi-gateway", VERSION)
        self._parents = TraceContextTextMapPropagator()

    @classmethod
    def of(cls, settings: GatewaySettings) -> Spans:
        """Those that the operator wants."""
        # It writes headers down that it cannot read. Ours are in order; OpenTelemetry looks for further ones by itself.
        logging.getLogger("opentelemetry.util.re").disabled = True
        endpoint = settings.otel_exporter_otlp_traces_endpoint or f"{settings.otel_exporter_otlp_endpoint}/v1/traces"
        headers = parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True)
        return cls(OTLPSpanExporter(endpoint, headers=headers, timeout=TIMEOUT_SECONDS), settings.otel_service_name)

    def note(self, entry: Entry, total: float) -> str:
        """See `Traces.note`."""
        ended = time.time_ns()
        started = ended - int(total * _NS)
        span = self._tracer.start_span(
            _name(entry),
            context=self._parents.extract({"traceparent": entry.traceparent}) if entry.traceparent else None,
            kind=SpanKind.SERVER,
            attributes=dict(_known(_attributes(entry))),
            start_time=started,
        )
        _note_failovers(span, entry, started)
        if _is_failure(entry):
            span.set_status(Status(StatusCode.ERROR, entry.outcome))
        span.end(ended)
        return format_trace_id(span.get_span_context().trace_id)

    def close(self, seconds: float) -> None:
        """See `Traces.close`."""
        with gevent.Timeout(seconds, False):
            self._provider.shutdown()


def _name(entry: Entry) -> str:
    return (
        f"chat {entry.model[:100]}" if entry.model and entry.attempts is not None else f"{entry.method} {entry.route}"
    )


def _attributes(entry: Entry) -> Mapping[str, str | int | float | bool | None]:
    asked, usage = entry.attempts is not None, entry.usage
    return {
        "http.request.method": entry.method,
        "http.route": entry.route,
        "http.response.status_code": entry.status,
        "error.type": None if entry.outcome == "ok" else entry.outcome,
        "gen_ai.operation.name": "chat" if asked else None,
        "gen_ai.provider.name": "moonshot_ai" if asked else None,
        "gen_ai.request.model": entry.model and entry.model[:100],
        "gen_ai.usage.input_tokens": usage.prompt if usage else None,
        "gen_ai.usage.output_tokens": usage.completion if usage else None,
        "kimi.request_id": entry.request_id,
        "kimi.client": None if entry.client is None else str(entry.client),
        "kimi.account": entry.account,
        "kimi.kind": entry.kind,
        "kimi.stream": entry.stream,
        "kimi.attempts": entry.attempts,
        "kimi.queue_seconds": entry.queue_seconds,
        "kimi.first_event_seconds": entry.first_event_seconds,
        "kimi.events": entry.events,
    }


def _known(
    attributes: Mapping[str, str | int | float | bool | None],
) -> Iterator[tuple[str, str | int | float | bool]]:
    for name, value in attributes.items():
        if value is not None:
            yield name, value


def _note_failovers(span: Span, entry: Entry, started: int) -> None:
    """All were before the first piece of the answer; when exactly nobody has written down."""
    at = started + int((entry.queue_seconds or 0.0) * _NS)
    for reason, account in zip(entry.failovers, entry.failed, strict=False):
        span.add_event("failover", {"error.type": reason, "kimi.account": account}, timestamp=at)


def _is_failure(entry: Entry) -> bool:
    """Whether it is the server's: a stream that broke off has a good status all the same."""
    return entry.status >= 500 or (entry.status == 200 and entry.outcome not in ("ok", "client_gone"))
