"""Traces: a real gateway, and a real collector to which it sends them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from devtools.waiting import until
from tests.monitoring.collector import Collector, attributes
from tests.system.stack import KEY, Stack

ROOT = Path(__file__).parents[2]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    with collector.listening():
        yield collector


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """A house that sends traces."""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{collector.endpoint}/",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=between%20us",
        "OTEL_SERVICE_NAME": "our-gateway",
    }
    stack = Stack(tmp_path_factory.mktemp("traced"), env=env)
    stack.start(kimi=2)
    yield stack
    stack.stop()


def ask(stack: Stack, **headers: str) -> str:
    """The id of an ordinary request, streamed to its end."""
    answer = requests.post(
        f"{stack.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {KEY}", **headers},
        json={"model": "kimi", "stream": True, "messages": [{"role": "user", "content": "a secret of mine"}]},
        timeout=60,
    )
    return answer.headers["x-request-id"]


def line(stack: Stack, request_id: str) -> dict[str, Any]:
    """The line of that request in the log."""

    def found() -> dict[str, Any] | None:
        lines = (json.loads(each) for each in stack.gateway.lines if request_id in each)
        return next((each for each in lines if each["event"] == "request"), None)

    said = until(found, what="the request is in the log")
    assert said is not None
    return said


def span(collector: Collector, request_id: str) -> Any:
    return until(lambda: collector.spans.get(request_id), what="the span has come")


def test_a_request_is_one_span_in_the_words_of_the_conventions(traced: Stack, collector: Collector) -> None:
    request_id = ask(traced)
    told, logged = span(collector, request_id), line(traced, request_id)
    known = attributes(told)
    assert told.name == "chat kimi" and told.kind == Span.SPAN_KIND_SERVER
    assert told.trace_id.hex() == logged["trace_id"] and not told.parent_span_id
    assert (
        known.items()
        >= {
            "http.request.method": "POST",
            "http.route": "/v1/chat/completions",
            "http.response.status_code": 200,
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "moonshot_ai",
            "gen_ai.request.model": "kimi",
            "gen_ai.usage.input_tokens": logged["prompt_tokens"],
            "gen_ai.usage.output_tokens": logged["completion_tokens"],
            "kimi.account": logged["account"],
            "kimi.client": "1",
            "kimi.kind": "kimi",
            "kimi.attempts": 1,
        }.items()
    )
    assert "error.type" not in known and told.status.code == Status.STATUS_CODE_UNSET
    seconds = (told.end_time_unix_nano - told.start_time_unix_nano) / 1e9
    assert seconds == pytest.approx(logged["total_seconds"], abs=0.001)
    assert abs(told.end_time_unix_nano / 1e9 - time.time()) < 60


def test_where_and_how_it_is_sent(traced: Stack, collector: Collector) -> None:
    span(collector, ask(traced))
    assert collector.paths == {"/v1/traces"}
    assert collector.headers[-1]["x-collector-key"] == "between us"
    assert collector.resources[-1]["service.name"] == "our-gateway"


def test_it_continues_the_trace_of_its_client(traced: Stack, collector: Collector) -> None:
    request_id = ask(traced, traceparent=PARENT)
    told = span(collector, request_id)
    assert told.trace_id.hex() == line(traced, request_id)["trace_id"] == PARENT.split("-")[1]
    assert told.parent_span_id.hex() == PARENT.split("-")[2]


def test_a_parent_that_is_none_begins_a_trace_of_its_own(traced: Stack, collector: Collector) -> None:
    assert not span(collector, ask(traced, traceparent="nonsense")).parent_span_id


def test_failovers_are_events_and_failures_are_told(traced: Stack, collector: Collector) -> None:
    traced.simulator.fault("error", match={"endpoint": "chat"}, reason="overloaded")
    told = span(collector, ask(traced))
    (event,) = told.events
    assert event.name == "failover" and attributes(event)["error.type"] == "Overloaded"
    assert attributes(event)["kimi.account"] != attributes(told)["kimi.account"]
    assert told.start_time_unix_nano <= event.time_unix_nano <= told.end_time_unix_nano

    traced.simulator.fault("truncate", match={"endpoint": "chat"})
    told = span(collector, ask(traced))
    assert attributes(told)["error.type"] == "upstream_error"
    assert (told.status.code, told.status.message) == (Status.STATUS_CODE_ERROR, "upstream_error")


def test_what_is_no_question_is_told_by_its_endpoint_and_probes_not_at_all(traced: Stack, collector: Collector) -> None:
    answer = requests.get(f"{traced.url}/v1/models", headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    probe = requests.get(f"{traced.url}/healthz", timeout=10)
    told = span(collector, answer.headers["x-request-id"])
    assert told.name == "GET /v1/models" and "gen_ai.operation.name" not in attributes(told)
    assert probe.headers["x-request-id"] not in collector.spans


def test_nothing_of_a_question_or_a_key_is_told(traced: Stack, collector: Collector) -> None:
    told = span(collector, ask(traced))
    assert not any(secret in told.SerializeToString() for secret in (b"secret of mine", KEY.encode(), b"eyJ"))


def test_what_is_left_is_sent_when_the_gateway_ends(tmp_path: Path) -> None:
    collector = Collector()
    stack = Stack(tmp_path, workers=1, env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.endpoint}/spans"})
    with collector.listening():
        stack.start(kimi=1)
        try:
            request_id = ask(stack)
            assert stack.gateway.stop() == 0
            assert request_id in collector.spans
        finally:
            stack.stop()
    assert collector.paths == {"/spans"}


@contextmanager
def hanging(port: int) -> Iterator[None]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize("trouble", [nullcontext, hanging], ids=["refuses", "hangs"])
def test_a_collector_that_does_not_answer_costs_nobody_anything(
    tmp_path: Path, trouble: Callable[[int], AbstractContextManager[object]]
) -> None:
    collector = Collector()
    stack = Stack(tmp_path, workers=1, env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    with trouble(collector.port), ExitStack() as undo:
        undo.callback(stack.stop)
        stack.start(kimi=2)
        ask(stack)  # which makes its connections
        until(lambda: "Failed to export" in stack.gateway.said or "retry" in stack.gateway.said.lower())
        began = time.monotonic()
        for _ in range(20):
            assert line(stack, ask(stack))["outcome"] == "ok"
        assert time.monotonic() - began < 10
        complaints = [each for each in stack.gateway.said.splitlines() if "opentelemetry" in each]
        assert 1 <= len(complaints) <= 10, "it says so, and not for every span"
        began = time.monotonic()
        assert stack.gateway.stop() == 0
        assert time.monotonic() - began < 10


def test_without_it_nothing_that_makes_or_sends_spans_is_imported() -> None:
    """Where OpenTelemetry is installed, redis-py imports its metrics."""
    ours = "('gateway.tracing_spans', 'opentelemetry.exporter', 'opentelemetry.sdk.trace', 'google.protobuf')"
    command = f"import sys, gateway.wsgi; print([name for name in sys.modules if name.startswith({ours})])"
    said = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_gateway_that_shall_trace_and_cannot_says_what_to_install(tmp_path: Path, redis_url: str) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    (package / "__init__.py").touch()  # in place of the real one, and empty
    env = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "REDIS_URL": redis_url,
        "GATEWAY_API_KEYS": KEY,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gateway/gunicorn.conf.py", "gateway.wsgi:app"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == (
        "gateway: OTEL_EXPORTER_OTLP_ENDPOINT: traces need packages that are not installed (opentelemetry.sdk): "
        "`./dev up --traces`, in the containers REQUIREMENTS=requirements-otel.txt, or unset it\n"
    )
