"""One page for all workers, whoever of them answers, and what is left on it of those that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.waiting import until
from tests.monitoring.house import Watched

IN_FLIGHT = "kimi_gateway_in_flight"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Watched]:
    """Two workers, of which nothing was asked so far."""
    pair = Watched(tmp_path)
    try:
        pair.start()
        yield pair
    finally:
        pair.stack.stop()


def test_a_worker_that_is_killed_counts_no_longer_and_what_it_did_stays(pair: Watched) -> None:
    stack, watch = pair.stack, pair.watch
    for _ in range(6):
        assert pair.ask().ok
    stack.simulator.fault("hang", match={"endpoint": "chat"}, texts=2)
    with stack.chat(stream=True) as answer:
        assert answer.raw.read(1)
        until(lambda: watch.total(IN_FLIGHT) == 1, what="an answer is under way")
        assert watch.total("kimi_gateway_workers") == 2
        victims = stack.workers_pids()
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(stack.workers_pids()) - set(victims)) == 2, what="there are two others")
    until(lambda: watch.total("kimi_gateway_workers") == 2, what="two are counted")
    assert watch.total(IN_FLIGHT) == 0
    assert watch.total("kimi_gateway_completion_seconds_count") >= 6
    stack.orphans = 1


def test_what_holds_for_the_pool_is_told_once(pair: Watched) -> None:
    figures = {sample.name: sample.value for sample in pair.watch.look() if not sample.labels}
    assert figures["kimi_gateway_store_up"] == figures["kimi_refresher_store_up"] == 1
    assert pair.watch.total("kimi_gateway_info") == pair.watch.total("kimi_refresher_info") == 1
    assert pair.watch.total("kimi_accounts") == pair.watch.total("kimi_accounts_usable") == 5
    assert not any(name.endswith("_created") for name in pair.watch.types), "nobody asks for these"
