from __future__ import annotations

import pytest
import structlog
from prometheus_client import CollectorRegistry

from refresher.backlog import Backlog
from refresher.lines import MANY_SILENT
from refresher.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def backlog(registry: CollectorRegistry) -> Backlog:
    return Backlog(Metrics(registry), rate=10)


def test_how_many_are_due_is_a_figure(backlog: Backlog, registry: CollectorRegistry) -> None:
    backlog.seen(7, is_held_back=False)
    assert registry.get_sample_value("kimi_refresher_due") == 7


def test_a_rate_that_holds_many_back_is_told_once_until_it_is_over(backlog: Backlog) -> None:
    with structlog.testing.capture_logs() as lines:
        for due in (500, 5000, 4000, 300, 601):
            backlog.seen(due, is_held_back=True)
        assert [(line["due"], line["a_second"], line["seconds"]) for line in lines] == [(5000, 10, 500)]
        assert "REFRESHER_EXCHANGES_PER_SECOND" in lines[0]["event"]
        backlog.seen(20, is_held_back=False)
        backlog.seen(700, is_held_back=True)
    assert len(lines) == 2


def test_where_the_rate_holds_nobody_back_it_is_not_named(backlog: Backlog) -> None:
    with structlog.testing.capture_logs() as lines:
        backlog.seen(5000, is_held_back=False)
    assert lines == []


def test_many_silent_lines_are_told_once_until_it_is_over(backlog: Backlog) -> None:
    with structlog.testing.capture_logs() as lines:
        for silent in (MANY_SILENT - 1, MANY_SILENT, 300, MANY_SILENT // 2, 300, 0, MANY_SILENT):
            backlog.seen(5, is_held_back=False, silent=silent)
    assert [line["lines"] for line in lines] == [MANY_SILENT, MANY_SILENT]
