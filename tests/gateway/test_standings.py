from __future__ import annotations

import pytest

from gateway.standings import ANTHROPIC, OPENAI, duration, headers, names
from kimi.pool.client_limits import Limit, Standing

STANDINGS = (
    Standing(Limit.REQUESTS, 60, 59, 42.5),
    Standing(Limit.TOKENS, 150_000, 149_984, 86_000.25),
    Standing(Limit.CONCURRENT, 5, 4, None),
)
NEW_YEAR = 1_767_225_600.0


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0s"),
        (0.0001, "1ms"),
        (0.012, "12ms"),
        (0.9991, "1s"),
        (1.0, "1s"),
        (1.001, "2s"),
        (59.0, "59s"),
        (59.5, "1m0s"),
        (60.0, "1m0s"),
        (360.0, "6m0s"),
        (3_599.2, "1h0m0s"),
        (3_600.0, "1h0m0s"),
        (82_805.0, "23h0m5s"),
        (86_400.0, "24h0m0s"),
    ],
)
def test_lengths_of_time_are_written_as_go_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_openai() -> None:
    assert dict(headers(OPENAI, STANDINGS, 0.0, NEW_YEAR)) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "43s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "23h53m21s",
        "x-ratelimit-limit-concurrent": "5",
        "x-ratelimit-remaining-concurrent": "4",
    }


def test_anthropic() -> None:
    assert dict(headers(ANTHROPIC, STANDINGS, 0.0, NEW_YEAR)) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:43Z",
        "anthropic-ratelimit-tokens-limit": "150000",
        "anthropic-ratelimit-tokens-remaining": "149984",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T23:53:21Z",
        "anthropic-ratelimit-concurrent-limit": "5",
        "anthropic-ratelimit-concurrent-remaining": "4",
    }


def test_an_answer_that_took_long_says_what_is_left_of_the_time() -> None:
    for age, left in ((40.0, "3s"), (42.0, "500ms"), (42.5, "0s"), (600.0, "0s")):
        assert dict(headers(OPENAI, STANDINGS, age, NEW_YEAR))["x-ratelimit-reset-requests"] == left
    late = dict(headers(ANTHROPIC, STANDINGS, 600.0, NEW_YEAR + 600))
    assert late["anthropic-ratelimit-requests-reset"] == "2026-01-01T00:10:00Z"
    assert late["anthropic-ratelimit-tokens-reset"] == "2026-01-01T23:53:21Z"


def test_the_names_are_those_that_are_written() -> None:
    assert set(names(OPENAI)) == dict(headers(OPENAI, STANDINGS, 0.0, NEW_YEAR)).keys()
    assert set(names(ANTHROPIC)) == dict(headers(ANTHROPIC, STANDINGS, 0.0, NEW_YEAR)).keys()


def test_without_limits_there_is_nothing() -> None:
    assert list(headers(OPENAI, (), 0.0, NEW_YEAR)) == list(headers(ANTHROPIC, (), 0.0, NEW_YEAR)) == []
