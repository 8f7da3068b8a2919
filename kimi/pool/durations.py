"""Durations, counted in buckets so that many processes can add theirs up and percentiles can be told afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SHORTEST: Final = 0.01
_A_DOUBLING: Final = 4
LAST: Final = 80
"""The number of the last bucket, which holds all that takes hours."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """What half of all, and 95 of a hundred, did not exceed; in seconds.

    Each lies in the bucket of the true value. One is wider than the next shorter one by 2^¼, so that neither is off by
    more than 19 %; what took less than 10 ms is told as something between 0 and that.
    """

    p50: float
    p95: float


def bucket_of(seconds: float) -> int:
    """The number of the bucket that such a duration is counted in: it reaches up to `bound` of that number."""
    if seconds <= _SHORTEST:
        return 0
    return min(math.ceil(_A_DOUBLING * math.log2(seconds / _SHORTEST)), LAST)


def bound(bucket: int) -> float:
    """The longest duration of a bucket, in seconds; -1 is what lies before the first."""
    return _SHORTEST * 2 ** (bucket / _A_DOUBLING) if bucket >= 0 else 0.0


def quantiles(counts: Mapping[int, int]) -> Quantiles | None:
    """Of what was counted by bucket; None where nothing was."""
    if not any(counts.values()):
        return None
    return Quantiles(_quantile(counts, 0.50), _quantile(counts, 0.95))


def _quantile(counts: Mapping[int, int], share: float) -> float:
    """As if the durations of a bucket were spread evenly over it."""
    wanted, passed = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        if passed + counts[bucket] >= wanted:
            break
        passed += counts[bucket]
    shortest = bound(bucket - 1)
    return shortest + (bound(bucket) - shortest) * (wanted - passed) / counts[bucket]
