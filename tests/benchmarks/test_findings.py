"""Sentences and the table of parts that the page makes of figures."""

from __future__ import annotations

from benchmarks.performance import parts
from benchmarks.performance.findings import distance
from benchmarks.performance.tables import Samples


def costs(**event_us: float) -> Samples:
    samples = Samples()
    for server, cost in event_us.items():
        samples.add(server, {"event_us": cost})
    samples.relate("event_us", "nginx", "times_nginx")
    return samples


def test_the_distance_says_what_the_least_takes_and_what_is_left() -> None:
    text = distance(costs(nginx=20.0, floor=29.0, kimi=45.0), "nginx", "floor", "kimi")
    assert "costs 2.25 times what nginx takes" in text
    assert "takes 1.45 times as much as nginx: 29.0 µs" in text
    assert "1.5 times nginx, 30.0 µs, would leave 1.0 µs" in text
    assert "takes 16.0 µs here, 36% of an event" in text
    assert text.count("\n") == 3


def test_what_it_says_in_relation_to_nginx_is_what_the_table_says() -> None:
    samples = costs(nginx=20.0, floor=29.0, kimi=45.0)
    samples.add_all("kimi", "times_nginx", {0: 2.0, 1: 2.1, 2: 2.2})
    assert "costs 2.10 times what nginx takes" in distance(samples, "nginx", "floor", "kimi")


def test_nothing_is_left_where_the_least_is_beyond_the_goal() -> None:
    assert "would leave nothing" in distance(costs(nginx=20.0, floor=31.0, kimi=45.0), "nginx", "floor", "kimi")


def test_a_goal_that_is_met_needs_no_reasons() -> None:
    text = distance(costs(nginx=20.0, floor=25.0, kimi=30.0), "nginx", "floor", "kimi")
    assert text == "An event costs 1.50 times what nginx takes for passing its bytes through."


def test_without_nginx_there_is_no_distance() -> None:
    assert not distance(costs(floor=25.0, kimi=30.0), "nginx", "floor", "kimi")


def test_parts_stand_beside_each_other_and_add_up() -> None:
    samples = Samples()
    samples.add("kimi", {"events:kernel": 16.0, "events:gevent": 4.04, "requests:kernel": 150.0, "requests:log": 50.0})
    assert parts.table(samples, "kimi") == (
        "|  | an event, µs | a request of 10 events, µs |\n"
        "| --- | --- | --- |\n"
        "| the kernel: `recv`, `send`, `epoll_wait` | 16.0 | 150.0 |\n"
        "| gevent: greenlets, watchers, waiting for a socket | 4.0 | — |\n"
        "| log and metrics | — | 50.0 |\n"
        "| all | 20.0 | 200.0 |"
    )
    assert not parts.table(samples, "moonshot")
