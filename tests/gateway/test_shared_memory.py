"""What workers have of their master's memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devtools.waiting import until
from tests.gateway.gunicorns import running

ROLLUP = "smaps_rollup"


def kilobytes(pid: int, figure: str) -> int:
    found = re.search(rf"^{figure}: +(\d+) kB$", Path(f"/proc/{pid}/{ROLLUP}").read_text("ascii"), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.mark.skipif(not Path("/proc/self", ROLLUP).exists(), reason="only Linux says what processes share")
def test_a_worker_shares_what_it_imports_with_its_master(tmp_path: Path, redis_url: str) -> None:
    with running(tmp_path, redis_url, GATEWAY_WORKERS="2") as gunicorn:
        until(lambda: len(gunicorn.workers()) == 2, what="both workers are there")
        for worker in gunicorn.workers():
            assert kilobytes(worker, "Private_Dirty") < 0.4 * kilobytes(worker, "Rss")
