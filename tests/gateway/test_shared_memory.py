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
        assert gunicorn.process is not None
        master = gunicorn.process.pid
        children = Path(f"/proc/{master}/task/{master}/children")
        until(lambda: len(children.read_text().split()) == 2, what="both workers are there")
        for worker in map(int, children.read_text().split()):
            assert kilobytes(worker, "Private_Dirty") < 0.4 * kilobytes(worker, "Rss")
