from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refresher import schedule

SEEDS = st.integers(0, 1000).map(random.Random)


@pytest.mark.parametrize(
    ("lifetime", "margin"),
    [(900, 450), (3600, 1800), (600, 300), (500, 300), (450, 300), (300, 200), (30, 20), (0, 0)],
)
def test_a_token_is_refreshed_with_300_seconds_or_half_its_life_left_unless_its_life_is_short(
    lifetime: float, margin: float
) -> None:
    assert schedule.margin(lifetime) == pytest.approx(margin)


@given(lifetime=st.floats(5, 1e7), rng=SEEDS)
def test_a_refresh_comes_in_the_later_part_of_the_margin_and_in_good_time(lifetime: float, rng: random.Random) -> None:
    left = 1e9 + lifetime - schedule.due_at(1e9, 1e9 + lifetime, rng)
    margin = schedule.margin(lifetime)
    assert 0.8 * margin - 1e-3 <= left <= margin + 1e-3


@given(lifetime=st.floats(-100, 5), rng=SEEDS)
def test_a_token_that_is_hardly_good_at_all_is_not_refreshed_without_pause(lifetime: float, rng: random.Random) -> None:
    assert schedule.due_at(1000.0, 1000.0 + lifetime, rng) >= 1001.0


def test_accounts_that_start_together_do_not_stay_together() -> None:
    rng = random.Random(1)
    due = sorted(schedule.due_at(0, 900, rng) for _ in range(100))
    assert due[-1] - due[0] > 60


@given(rng=SEEDS)
def test_a_key_is_probed_about_hourly(rng: random.Random) -> None:
    assert 2880 <= schedule.probe_at(0, rng) <= 3600


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (10_000, 60)]
)
def test_backoff_doubles_from_a_second_to_a_minute(failures: int, seconds: float) -> None:
    rng = random.Random(2)
    waits = [schedule.backoff(failures, rng) for _ in range(200)]
    assert 0.8 * seconds <= min(waits) < max(waits) <= min(1.2 * seconds, 60)


@given(rng=SEEDS)
def test_a_token_that_is_still_good_is_not_left_to_expire_over_a_long_wait(rng: random.Random) -> None:
    assert schedule.retry_at(1000, 9, rng, expires=1010) == 1005
    assert schedule.retry_at(1000, 9, rng, expires=1000.5) == 1001
    assert schedule.retry_at(1000, 9, rng, expires=9000) >= 1048
    assert schedule.retry_at(1000, 9, rng, expires=990) >= 1048


@given(rng=SEEDS)
def test_a_wait_that_the_upstream_asks_for_is_respected_within_reason(rng: random.Random) -> None:
    assert schedule.retry_at(1000, 1, rng, expires=1002, retry_after=90) == 1090
    assert schedule.retry_at(1000, 1, rng, retry_after=1e9) == 4600
    assert schedule.retry_at(1000, 7, rng, retry_after=1) >= 1048


@given(rng=SEEDS)
def test_after_refusals_that_may_be_somebody_elses_the_rests_grow_to_an_hour(rng: random.Random) -> None:
    waits = [schedule.retry_at(1000, refusals, rng, refused=True) - 1000 for refusals in (1, 2, 3, 9, 10_000)]
    for wait, most in zip(waits, (15, 30, 60, 3600, 3600), strict=True):
        assert 0.8 * most - 1e-6 <= wait <= most
    assert schedule.retry_at(1000, 9, rng, expires=1100, refused=True) == 1050
    assert schedule.retry_at(1000, 9, rng, expires=1001, refused=True) == 1015
    assert schedule.retry_at(1000, 1, rng, retry_after=900, refused=True) == 1900


def test_short_lives_are_borne_a_few_times_and_then_exchanged_more_and_more_rarely() -> None:
    assert schedule.is_short(1) and not schedule.is_short(3)
    waits = [schedule.spaced(1001, 1000, lives) - 1000 for lives in (1, 5, 6, 7, 8, 11, 12, 10_000)]
    assert waits == [1, 1, 2, 4, 8, 60, 60, 60]
