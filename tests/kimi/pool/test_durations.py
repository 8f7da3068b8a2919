"""Percentiles of durations that were counted in buckets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from kimi.pool.durations import LAST, bound, bucket_of, quantiles


def counted(durations: Sequence[float]) -> Counter[int]:
    return Counter(bucket_of(seconds) for seconds in durations)


def test_a_duration_lies_in_its_bucket() -> None:
    rng = random.Random(1)
    for _ in range(2_000):
        seconds = 10 ** rng.uniform(-4, 3)
        bucket = bucket_of(seconds)
        assert bound(bucket - 1) <= seconds <= bound(bucket) * 1.000001


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 0.01])
def test_what_took_no_time_is_in_the_first(seconds: float) -> None:
    assert bucket_of(seconds) == 0


def test_there_is_no_end_of_buckets() -> None:
    assert bucket_of(1e9) == LAST
    assert bound(LAST) > 2 * 3_600


def test_nothing_has_no_quantiles() -> None:
    assert quantiles({}) is None
    assert quantiles({3: 0}) is None


@pytest.mark.parametrize("spread", [0.01, 0.3, 1.5])
def test_they_are_off_by_no_more_than_is_said(spread: float) -> None:
    rng = random.Random(2)
    durations = sorted(rng.lognormvariate(1.0, spread) for _ in range(5_000))
    told = quantiles(counted(durations))
    assert told is not None
    for quantile, seconds in ((0.50, told.p50), (0.95, told.p95)):
        exact = durations[int(quantile * len(durations)) - 1]
        assert exact / 1.19 <= seconds <= exact * 1.19


def test_a_few_slow_ones_are_seen_by_the_95th_only() -> None:
    told = quantiles(counted([1.0] * 90 + [100.0] * 10))
    assert told is not None
    assert told.p50 == pytest.approx(1.0, rel=0.19)
    assert told.p95 == pytest.approx(100.0, rel=0.19)
