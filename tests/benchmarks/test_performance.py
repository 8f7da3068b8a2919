"""What the benchmarks read from other programs."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from benchmarks.performance import machine, page, processes
from benchmarks.performance.gateway_only import FILLING_SECONDS, after_filling
from benchmarks.performance.loading import LoadFailed, all_right, read_result
from benchmarks.performance.redis_use import commands
from benchmarks.performance.tables import Samples
from benchmarks.performance.upstream import Upstream, UpstreamGone
from devtools.waiting import until
from tests.ports import free_port

SPREAD = '{"count":2,"mean":1.5,"p50":1,"p90":2,"p99":2,"max":2}'
SAID = (
    '{"right":1,"pieces":9}\n{"requests":2,"right":1,"requests_per_second":4.5,"pieces":19,"outcomes":{"right":1,"lost":1},'
    f'"delay_us":{SPREAD},"first_event_us":{SPREAD},"whole_us":{SPREAD}}}\n'
)


def test_the_last_line_of_the_load_client_is_its_result() -> None:
    result = read_result(SAID)
    assert (result.requests, result.right, result.pieces, result.outcomes) == (2, 1, 19, {"right": 1, "lost": 1})
    assert result.delay.p99 == 2


@pytest.mark.parametrize("said", ["", "no memory\n", '{"requests":2}\n'])
def test_a_load_client_that_has_failed_is_quoted(said: str) -> None:
    with pytest.raises(LoadFailed, match="the load client said"):
        read_result(said)


def test_an_upstream_that_is_gone_is_said() -> None:
    with pytest.raises(UpstreamGone, match="the upstream does not answer: ConnectionError"):
        Upstream(free_port()).figures()


def test_answers_that_are_not_right_are_not_measured() -> None:
    with pytest.raises(LoadFailed, match=r"1 of 2 answers were right: .*'lost': 1"):
        all_right(read_result(SAID))
    right = read_result(SAID.replace('"right":1,"requests_per_second"', '"right":2,"requests_per_second"'))
    assert all_right(right) is right


@pytest.mark.parametrize(
    ("a_second", "later", "seconds"),
    [
        ([900_000, 90_000, 0, 0], 0, 3),
        ([900_000, 990, 0, 0], 990, 2),
        ([1_000] * 2 * FILLING_SECONDS, 1_000, FILLING_SECONDS),
    ],
)
def test_buffers_are_full_when_hardly_anything_more_goes_out(a_second: list[int], later: int, seconds: int) -> None:
    sent, waited = 100_000, 0

    def sleep(_: float) -> None:
        nonlocal sent, waited
        sent += a_second[waited]
        waited += 1

    assert after_filling(lambda: sent, sleep) == later
    assert waited == seconds


def test_commands_within_scripts_are_no_commands_of_clients() -> None:
    lines = [
        b"+OK",
        b'+1700000000.1 [0 127.0.0.1:5] "evalsha" "abc" "1"',
        b'+1700000000.2 [0 lua] "hget" "key" "[0 127.0.0.1:5] \\"get\\""',
        b'+1700000000.3 [0 127.0.0.1:5] "EVALSHA" "abc" "1"',
        b'+1700000000.4 [0 127.0.0.1:6] "info" "stats"',
    ]
    assert commands(lines) == Counter({"EVALSHA": 2, "INFO": 1})


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="needs Linux' figures of the scheduler")  # noqa: PTH110
def test_a_process_tree_has_used_time_and_memory() -> None:
    before = processes.cpu_seconds(os.getpid())
    sum(range(300_000))
    until(lambda: processes.cpu_seconds(os.getpid()) > before, seconds=5)  # the kernel adds it up at its next turn
    assert sum(processes.user_and_kernel(os.getpid())) > 0
    largest = processes.largest_bytes(os.getpid())
    assert processes.resident_bytes(os.getpid()) > largest * 0.9 > 1_000_000


def test_the_page_shows_what_there_is() -> None:
    samples = Samples()
    samples.add("nginx", {"event_us": 20.0})
    samples.add("kimi", {"event_us": 25.0, "redis:EVALSHA": 2.0})
    text = page.render(samples, 1, "- a machine", ["slow of gateway: too slow"])
    assert "| gateway, accounts of kind `kimi` | 25.0 | 1.25 |" in text
    assert "- a machine" in text
    assert "EVALSHA 2.00" in text
    assert "- slow of gateway: too slow" in text


@pytest.mark.parametrize(
    ("arguments", "is_packaged", "said"),
    [
        ("'--enable-optimizations' '--with-lto'", False, "built with PGO and LTO"),
        ("'--with-lto'", True, "built with LTO"),
        ("'--enable-shared'", True, "as the distribution builds it"),
        ("'--enable-shared'", False, "built without PGO and LTO"),
    ],
)
def test_the_page_says_how_python_was_built(arguments: str, is_packaged: bool, said: str) -> None:
    assert machine.built(arguments, is_packaged) == said
