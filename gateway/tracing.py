"""Traces for OpenTelemetry, where the operator wants them. Nothing of OpenTelemetry is imported where he does not."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, Protocol

from kimi.startup import StartError

if TYPE_CHECKING:
    from gateway.journal import Entry
    from gateway.settings import GatewaySettings

_NEEDED: Final = ("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


class Traces(Protocol):
    """Where spans go."""

    def note(self, entry: Entry, total: float) -> str:
        """Makes a span of a request that ends now, after `total` seconds; the id of its trace, in hexadecimal."""
        ...

    def close(self, seconds: float) -> None:
        """Sends what is left, for so long at most."""
        ...


def is_on(settings: GatewaySettings) -> bool:
    """Whether the operator wants traces."""
    return bool(settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint)


def check_tracing(settings: GatewaySettings) -> None:
    """Returns when traces are off, or can be made. Raises `StartError`."""
    if not is_on(settings):
        return
    name = "TRACES_ENDPOINT" if settings.otel_exporter_otlp_traces_endpoint else "ENDPOINT"
    try:
        for module in _NEEDED:
            importlib.import_module(module)
    except ImportError as error:
        raise StartError(
            f"OTEL_EXPORTER_OTLP_{name}: traces need packages that are not installed ({error.name}): "
            "`./dev up --traces`, in the containers REQUIREMENTS=requirements-otel.txt, or unset it"
        ) from None


def traces(settings: GatewaySettings) -> Traces | None:
    """What makes spans for the worker that calls this; None where nobody wants any."""
    if not is_on(settings):
        return None
    from gateway.tracing_spans import Spans  # noqa: PLC0415 - which most do without

    return Spans.of(settings)
