from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gateway.metrics import Metrics
from gateway.scratch import DIRECTORY

WORKER = """
import sys
from gateway.metrics import Metrics
metrics = Metrics()
metrics.failovers.inc(2)
metrics.in_flight.inc()
metrics.store_up.set(int(sys.argv[1]))
print(metrics.text().decode())
"""


def test_one_process_tells_its_own_figures() -> None:
    metrics = Metrics()
    metrics.failovers.inc(2)
    text = metrics.text().decode()
    assert "kimi_gateway_failovers_total 2.0" in text
    assert "# HELP kimi_gateway_first_event_seconds" in text


def test_each_of_several_workers_tells_the_figures_of_all(tmp_path: Path) -> None:
    environment = {**os.environ, DIRECTORY: str(tmp_path)}
    texts = [
        subprocess.run([sys.executable, "-c", WORKER, up], env=environment, capture_output=True, text=True, check=True)
        for up in "10"
    ]
    assert "kimi_gateway_failovers_total 2.0" in texts[0].stdout
    assert "kimi_gateway_failovers_total 4.0" in texts[1].stdout
    assert "kimi_gateway_in_flight 2.0" in texts[1].stdout
    assert "kimi_gateway_store_up 1.0" in texts[0].stdout
    assert "kimi_gateway_store_up 0.0" in texts[1].stdout, "one that is cut off is enough"
