"""How the benchmarks' servers are started."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from benchmarks.performance import cores
from benchmarks.performance.house import NotStarted, running, unset

chooses_processors = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux to choose processors")


@chooses_processors
def test_a_process_runs_while_the_block_does(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    program = ["sh", "-c", "echo ready; exec sleep 60"]
    with running(program, log, on=cores.all_cores(), serves=lambda: "ready" in log.read_text()) as process:
        assert process.poll() is None
    assert process.poll() is not None


@chooses_processors
def test_a_server_that_ends_instead_of_serving_is_quoted(tmp_path: Path) -> None:
    program = ["sh", "-c", "echo the port is taken; exit 1"]
    with (
        pytest.raises(NotStarted, match="server has ended before it served; it said: the port is taken"),
        running(program, tmp_path / "server.log", on=cores.all_cores(), serves=lambda: False),
    ):
        pass


@chooses_processors
def test_a_server_that_never_serves_is_given_up(tmp_path: Path) -> None:
    with (
        pytest.raises(NotStarted, match=re.escape("server does not serve after 0.1 s; it said: nothing")),
        running(["sleep", "60"], tmp_path / "server.log", on=cores.all_cores(), serves=lambda: False, seconds=0.1),
    ):
        pass


def test_what_an_operator_has_set_is_not_measured() -> None:
    ours = {"KIMI_KIND": "moonshot", "GATEWAY_WORKERS": "8", "LOG_LEVEL": "debug", "REFRESHER_METRICS_PORT": "9091"}
    assert unset({"HOME": "/root", **ours}) == {"HOME": "/root"}
