"""What a worker copies of a pool that is too large."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from gateway.mirror import Mirror
from gateway.sample import FEW, LEAST, WHOLE, Sample, Samples
from kimi.accounts import State
from kimi.pool.changes import Changes
from kimi.pool.extent import Extent, Extents
from tests.kimi.pool.pools import turned, web

NAMES = [f"account-{number:05}" for number in range(10_000)]


class Pool:
    """So many accounts, of which so many serve something with few others, and all are usable or so many."""

    def __init__(self, size: int, rare: Mapping[str, int] | None = None, usable: int | None = None) -> None:
        self.size = size
        self.serving = rare or {}
        self.usable = size if usable is None else usable

    def measure(self) -> Extent:
        return Extent(self.size, 100, self.usable)

    def draw(self, most: int) -> frozenset[str]:
        return frozenset(random.Random(most).sample(NAMES[: self.usable], min(most, self.usable)))

    def rare(self, most: int) -> frozenset[str]:
        return frozenset(name for name, serving in self.serving.items() if serving <= most)


def test_a_pool_that_fits_is_copied_whole() -> None:
    sample = Samples(Pool(1_000), "w").cut(1_000)
    assert sample is WHOLE
    assert all(name in sample for name in NAMES)


@pytest.mark.parametrize(("size", "level"), [(1_001, 1), (2_000, 1), (2_001, 2), (100_000, 7)])
def test_one_that_does_not_is_halved_until_it_does(size: int, level: int) -> None:
    assert Samples(Pool(size), "w").cut(1_000).level == level


@pytest.mark.parametrize(("size", "level"), [(4_001, 3), (2_001, 2), (1_601, 2), (1_600, 1), (801, 1), (800, 0)])
def test_a_share_is_doubled_only_when_there_is_room_to_spare(size: int, level: int) -> None:
    assert Samples(Pool(size), "w").cut(1_000, Sample(2, "w")).level == level


def test_one_that_is_copied_whole_may_be_larger_than_a_sample() -> None:
    samples = Samples(Pool(5_000), "w")
    assert samples.cut(5_000) is WHOLE
    assert Samples(Pool(5_001), "w").cut(5_000).level == 3


def test_shares_are_about_as_large_as_each_other_and_together_they_are_the_pool() -> None:
    samples = [Sample(3, f"worker-{number}") for number in range(200)]
    for sample in samples:
        assert 1_000 < sum(name in sample for name in NAMES) < 1_500, "an eighth is 1,250"
    assert all(any(name in sample for sample in samples) for name in NAMES)
    assert len({sum(name in sample for name in NAMES[:100]) for sample in samples}) > 1, "not all have the same"


def test_who_is_nearly_alone_is_in_every_share_and_so_are_those_that_clients_have_brought_along() -> None:
    few = FEW * 2**7
    pool = Pool(100_000, {NAMES[0]: 1, NAMES[1]: few - 24, NAMES[2]: few})
    samples = [Samples(pool, f"w{number}").cut(1_000) for number in range(300)]
    assert {sample.beside for sample in samples} == {frozenset(NAMES[:2])}, "what is asked for is bounded"
    assert all(name in sample for name in (*NAMES[:2], "private-0123") for sample in samples)
    assert not all(NAMES[2] in sample for sample in samples)


@pytest.mark.parametrize(("usable", "drawn"), [(6, 6), (0, 0), (LEAST, LEAST - 1), (12_800, 150), (32_000, 0)])
def test_where_few_can_serve_everyone_has_all_of_these_or_some(usable: int, drawn: int) -> None:
    sample = Samples(Pool(100_000, usable=usable), "w").cut(1_000)
    assert (sample.level, len(sample.beside)) == (7, drawn)
    assert all(name in sample for name in sample.beside)
    assert sample.beside <= {*NAMES[:usable]}


def test_those_that_are_left_of_a_large_pool_are_copied_by_everyone(redis_url: str) -> None:
    with turned(redis_url) as pool:
        pool.fill(*map(web, NAMES[:60]))
        mirrors = [
            Mirror(Changes(pool.store), Samples(Extents(pool.store), f"w{number}"), pause=lambda _: None, most=20)
            for number in range(9)
        ]
        for name in NAMES[6:60]:
            pool.members.mark(name, 2, State.DEAD, "refused")
        for mirror in mirrors:
            mirror.refresh()
            assert {name for name, copy in (mirror.copies or {}).items() if copy.serves} == {*NAMES[:6]}
            assert not mirror.sample.is_whole
