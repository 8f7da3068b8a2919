"""A collector of traces: takes what is sent to it by OTLP over HTTP, and keeps it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.ports import free_port


class Collector:
    """What has come: spans by the ids of their requests, and the headers of each delivery."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.spans: dict[str, Any] = {}
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: set[str] = set()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """One delivery."""
        self.paths.add(path)
        self.headers.append(headers)
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            self.resources.append({each.key: each.value.string_value for each in group.resource.attributes})
            for span in (span for scope in group.scope_spans for span in scope.spans):
                self.spans[attributes(span)["kimi.request_id"]] = span

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes what comes while the block runs."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, dict(self.headers), body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


def attributes(of: Any) -> dict[str, Any]:
    """Of a span or an event."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}
