from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gateway.breaker import Breaker
from gateway.metrics import Metrics
from gateway.scratch import DIRECTORY
from kimi.errors import Unreachable
from kimi.version import VERSION
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import web

WORKER = """
import sys
from gateway.metrics import Metrics, keep_as
keep_as(int(sys.argv[2]))
metrics = Metrics()
metrics.failed_over("RateLimited").inc(2)
metrics.in_flight.inc()
metrics.store_up.set(int(sys.argv[1]))
print(metrics.text().decode())
"""


def test_one_process_tells_its_own_figures() -> None:
    metrics = Metrics()
    metrics.failed_over("RateLimited").inc(2)
    text = metrics.text().decode()
    assert 'kimi_gateway_failovers_total{reason="RateLimited"} 2.0' in text
    assert "# HELP kimi_gateway_first_event_seconds" in text


def test_each_of_several_workers_tells_the_figures_of_all(tmp_path: Path) -> None:
    environment = {**os.environ, DIRECTORY: str(tmp_path)}
    texts = [
        subprocess.run(
            [sys.executable, "-c", WORKER, up, number], env=environment, capture_output=True, text=True, check=True
        )
        for number, up in (("11", "1"), ("12", "0"))
    ]
    assert 'kimi_gateway_failovers_total{reason="RateLimited"} 2.0' in texts[0].stdout
    assert 'kimi_gateway_failovers_total{reason="RateLimited"} 4.0' in texts[1].stdout
    assert "kimi_gateway_in_flight 2.0" in texts[1].stdout
    assert "kimi_gateway_store_up 1.0" in texts[0].stdout
    assert "kimi_gateway_store_up 0.0" in texts[1].stdout, "one that is cut off is enough"
    assert "kimi_gateway_workers 2.0" in texts[1].stdout
    assert f'kimi_gateway_info{{version="{VERSION}"}} 1.0' in texts[1].stdout, "however many there are"
    assert {path.name for path in tmp_path.glob("counter_*")} == {"counter_11.db", "counter_12.db"}


def test_upstreams_that_are_left_alone_are_counted_and_not_named() -> None:
    metrics, clock = Metrics(), Clock()
    breaker = Breaker(clock, metrics.lines_left_alone.set)
    account = web("alice", base_url="https://mirror.example")
    for _ in range(5):
        breaker.ended(account, "w.1", Unreachable())
        clock.advance(1)
    assert b"kimi_gateway_upstreams_left_alone 1.0\n" in metrics.text()
    assert b"mirror" not in metrics.text()
    breaker.answered(account)
    assert b"kimi_gateway_upstreams_left_alone 0.0\n" in metrics.text()


def test_answers_are_counted_by_route_status_and_form() -> None:
    metrics = Metrics()
    for stream in (True, False, True):
        metrics.answered("/v1/models", 200, stream).inc()
    text = metrics.text()
    assert b'kimi_gateway_requests_total{route="/v1/models",status="200",stream="true"} 2.0' in text
    assert b'kimi_gateway_requests_total{route="/v1/models",status="200",stream="false"} 1.0' in text
