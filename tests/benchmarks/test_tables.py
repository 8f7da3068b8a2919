"""Tables of what was measured."""

from __future__ import annotations

import pytest

from benchmarks.performance.tables import Samples, beside, goals, span


def measured(**figures: list[float]) -> Samples:
    """By `server__figure`, the rounds."""
    samples = Samples()
    for name, values in figures.items():
        server, _, figure = name.partition("__")
        for number, value in enumerate(values):
            samples.add(server, {figure: value}, number)
    return samples


@pytest.mark.parametrize(
    ("values", "text"),
    [([], "—"), ([1234.56], "1,234.6"), ([3.0, 1.0, 2.0], "2.0 (1.0–3.0)")],
)
def test_a_span_is_the_median_and_the_range(values: list[float], text: str) -> None:
    assert span(values, 1) == text


def test_servers_stand_beside_each_other_without_what_nobody_has() -> None:
    samples = measured(nginx__event_us=[20.0], kimi__event_us=[30.0], kimi__rest_mb=[75.0])
    assert beside(samples, ["nginx", "kimi", "absent"], ["event_us", "rest_mb", "stream_kb"]) == (
        "|  | CPU an event, µs | worker at rest, MB |\n"
        "| --- | --- | --- |\n"
        "| nginx | 20.0 | — |\n"
        "| kimi | 30.0 | 75.0 |"
    )


def test_a_relation_is_worked_out_round_by_round() -> None:
    samples = measured(nginx__event_us=[20.0, 40.0], kimi__event_us=[30.0, 40.0])
    samples.relate("event_us", "nginx", "times_nginx")
    assert samples.of("kimi", "times_nginx") == (1.5, 1.0)


def test_a_relation_is_that_of_the_rounds_in_which_both_were_measured() -> None:
    samples = Samples()
    for number, cost in enumerate([20.0, 40.0]):
        samples.add("nginx", {"event_us": cost}, number)
    samples.add("kimi", {"event_us": 30.0}, 1)
    samples.add("litellm", {"event_us": 30.0}, 2)
    samples.relate("event_us", "nginx", "times_nginx")
    assert samples.of("kimi", "times_nginx") == (0.75,)
    assert samples.median("litellm", "times_nginx") is None


def test_what_several_measures_have_found_is_counted_for_each_of_them() -> None:
    samples = Samples()
    samples.add("kimi", {"foreign:steady": 1.0, "foreign:burst": 2.0, "event_us": 40.0})
    samples.add("nginx", {"foreign:steady": 3.0}, 1)
    assert samples.all_of("foreign") == [1.0, 2.0, 3.0]


def test_the_way_without_a_server_is_taken_off_and_forgotten() -> None:
    samples = measured(direct__first_ms=[0.1, 0.3, 0.2], kimi__first_ms=[1.2], kimi__first_p99_ms=[3.2])
    samples.subtract(["first_ms", "first_p99_ms"], "direct")
    assert samples.of("kimi", "first_ms") == (1.0,)
    assert samples.of("kimi", "first_p99_ms") == (3.0,)
    assert not samples.of("direct", "first_ms")


def test_goals_say_what_is_met() -> None:
    samples = measured(kimi__event_us=[41.0], kimi__requests_per_second=[1300.0], classic__event_us=[40.0])
    assert goals(samples, ["kimi", "classic"]) == (
        "|  | goal | kimi | classic |\n"
        "| --- | --- | --- | --- |\n"
        "| CPU an event, µs | ≤ 40 | 41.0 ✗ | 40.0 ✓ |\n"
        "| requests/s on a core | ≥ 1,200 | 1,300 ✓ | — |"
    )
