"""What the soak of a million requests makes of its rows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.million.growth import Growth
from benchmarks.million.rows import Row, judge, render
from benchmarks.performance import processes

ROW = Row(1_000, 0, 900.0, 80.0, 70.0, 60.0, 50.0, 2.0, 40, 12, 60)


def test_what_fills_up_at_the_beginning_does_not_grow() -> None:
    assert judge([replace(ROW, worker_rss_MB=size) for size in (70.0, 75.0, 80.0, 80.5, 80.2, 81.9)]) == []


def test_what_goes_on_growing_is_named() -> None:
    rows = [replace(ROW, worker_rss_MB=80.0 + 2 * number, redis_lasting_keys=60 + 100 * number) for number in range(9)]
    assert judge(rows) == [
        "worker rss has grown from 88.0 to 94.0 MB",
        "redis lasting has grown from 460.0 to 760.0 keys",
    ]


def test_failed_requests_are_told() -> None:
    assert judge([ROW] * 5 + [replace(ROW, failed=3)]) == ["3 requests failed"]


def test_the_page_has_all_rows_and_the_result() -> None:
    text = render([ROW, replace(ROW, requests=2_000)], [], "- a machine")
    assert "| 1,000 | 0 | 900.0 | 80.0 | 70.0 | 60.0 | 50.0 | 2.0 | 40 | 12 | 60 |\n| 2,000 |" in text
    assert "Result: no request failed, nothing has grown.\n\n- a machine" in text
    assert "by more than 2% and 2 MB, 16 descriptors or 100 keys." in text


def test_a_share_of_much_is_no_growth() -> None:
    assert not Growth(1_000.0, 1_015.0).is_more_than(2)
    assert Growth(1_000.0, 1_025.0).is_more_than(2)


def test_few_values_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="6 values"):
        Growth.of([1.0] * 5)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux' figures of processes")
def test_a_process_has_memory_and_open_files() -> None:
    assert processes.shared_out_bytes(os.getpid()) > 1_000_000
    before = processes.descriptors(os.getpid())
    with Path(os.devnull).open("rb"):
        assert processes.descriptors(os.getpid()) == before + 1
