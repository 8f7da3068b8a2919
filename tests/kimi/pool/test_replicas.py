"""When a master without replicas is believed."""

from __future__ import annotations

import logging

import pytest

from kimi.errors import NotKept
from kimi.pool.replicas import DOUBT_SECONDS, Replicas
from tests.kimi.pool.pools import Clock

NOT_ENOUGH = [0, PermissionError("NOPERM")]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replicas(clock: Clock) -> Replicas:
    return Replicas(1, monotonic=clock)


@pytest.mark.parametrize("answer", NOT_ENOUGH, ids=["nobody", "no answer"])
def test_it_is_doubted_first_and_believed_after_a_while_with_one_word_to_the_operator(
    replicas: Replicas, clock: Clock, answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(NotKept, match="fewer than 1 replicas"):
                replicas.judge(answer)
            clock.now += 0.9 * DOUBT_SECONDS / 2
        assert not caplog.records
        clock.now += DOUBT_SECONDS / 2
        for _ in range(2):
            replicas.judge(answer)
    (told,) = caplog.records
    assert "?replicas=0" in told.getMessage()


def test_one_replica_between_begins_it_anew(replicas: Replicas, clock: Clock) -> None:
    with pytest.raises(NotKept):
        replicas.judge(0)
    clock.now += 2 * DOUBT_SECONDS
    replicas.judge(1)
    with pytest.raises(NotKept):
        replicas.judge(0)
