"""Whom to believe of those who know the master."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import RedisError

from devtools.waiting import until
from kimi.pool.masters import LOOK_SECONDS, Lead, Standing
from tests.kimi.pool.electing import BOTH, FAR, NAMED, NEAR, NOBODY, A, B, Voters, word
from tests.kimi.pool.pools import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def voters() -> Voters:
    return Voters()


@pytest.fixture
def led(voters: Voters, clock: Clock) -> Lead:
    """One that knows who the master is."""
    led = Lead(NAMED, voters, monotonic=clock)
    led.find()
    voters.asked.clear()
    return led


def test_one_is_asked_in_turn_once_a_second_however_often_it_follows(led: Lead, voters: Voters, clock: Clock) -> None:
    for _ in range(6):
        clock.now += LOOK_SECONDS
        for _ in range(10):
            led.follow()
    assert set(voters.asked.values()) == {2}


def test_one_is_asked_in_turn_where_a_replica_is_known_by_two_names(voters: Voters, clock: Clock) -> None:
    other = ("10.0.0.5", 6379)
    voters.say(replace(word(""), replicas=BOTH | {other}, candidates=BOTH | {other}, runs={FAR: "far", other: "far"}))
    led = Lead(NAMED, voters, monotonic=clock)
    assert led.confirmed().candidates == BOTH
    assert led.ask_all().replicas == BOTH | {other}, "each name of it is known"
    voters.asked.clear()
    for _ in range(3):
        clock.now += LOOK_SECONDS
        led.follow()
    assert set(voters.asked.values()) == {1}


def test_all_are_asked_where_one_says_anything_new(led: Lead, voters: Voters) -> None:
    voters.say(word("", B, 2), "s1")
    until(lambda: led.find() == B, what="it is that one's turn")
    assert {"s1", "s2", "s3"} == set(voters.asked)


def test_who_knows_of_the_latest_election_is_believed(led: Lead, voters: Voters) -> None:
    voters.say(word("", B, 2), "s2")
    assert led.confirmed() == Standing(B, 2, BOTH, None), "but not that most think so"
    voters.say(word("", B, 2))
    assert led.confirmed() == Standing(B, 2, BOTH, BOTH)


def test_of_one_election_it_is_what_most_say(led: Lead, voters: Voters) -> None:
    voters.say(word("", B, 2), "s1", "s2")
    voters.say(word("", A, 2), "s3")
    for _ in range(10):
        assert led.confirmed() == Standing(B, 2, BOTH, None)


def test_an_earlier_election_is_believed_of_most_alone(led: Lead, voters: Voters) -> None:
    voters.say(word("", B, 5))
    led.confirmed()
    voters.says = {"s1": word("s1", A, 1)}
    assert led.confirmed() == Standing(B, 5, BOTH, None)
    voters.says["s2"] = word("s2", A, 1)
    assert led.confirmed() == Standing(A, 1, BOTH, BOTH), "they were told to watch another one"


@pytest.mark.parametrize("change", [{"is_calm": False}, {"place": B}, {"epoch": 2}], ids=str)
def test_a_master_is_not_sure_while_one_says_anything_else(led: Lead, voters: Voters, change: dict[str, Any]) -> None:
    voters.says["s3"] = replace(word("s3"), **change)
    assert led.confirmed().candidates is None


def test_one_that_does_not_reach_the_master_is_outvoted(led: Lead, voters: Voters) -> None:
    voters.says["s3"] = replace(word("s3"), is_reached=False)
    assert led.confirmed().candidates == BOTH
    voters.says["s2"] = replace(word("s2"), is_reached=False)
    assert led.confirmed().candidates is None


def test_one_that_has_forgotten_the_others_is_not_most(voters: Voters) -> None:
    led = Lead(NAMED, voters, electors=3)
    assert led.confirmed().candidates == BOTH
    voters.says = {"s1": replace(word("s1"), votes=1, replicas=NOBODY, candidates=NOBODY)}
    assert led.confirmed().candidates is None


def test_one_that_has_forgotten_the_others_is_not_most_where_it_alone_is_named(voters: Voters) -> None:
    led = Lead(NAMED[:1], voters, electors=1)
    voters.says["s1"] = replace(word("s1"), others=[("s2", 26379), ("s3", 26379)])
    led.find()
    assert led.confirmed().candidates == BOTH
    voters.says = {"s1": replace(word("s1"), votes=1)}
    for _ in range(3):
        assert led.confirmed().candidates is None


def test_replicas_are_forgotten_by_most_alone(led: Lead, voters: Voters) -> None:
    fewer = replace(word(""), replicas=frozenset({NEAR}), candidates=frozenset({NEAR}))
    voters.says = {"s1": replace(fewer, voter="s1")}
    assert led.confirmed().replicas == BOTH
    voters.says["s2"] = replace(fewer, voter="s2")
    assert led.confirmed().replicas == frozenset({NEAR})


def test_a_sentinel_by_two_names_is_one(voters: Voters) -> None:
    led = Lead([*NAMED, "redis://s4:26379/0"], voters, electors=4)
    voters.says["s4"] = word("s1")
    assert led.confirmed().candidates == BOTH
    del voters.says["s2"]
    assert led.confirmed().candidates == BOTH
    assert led.ask_all().electors == 3


def test_of_those_who_elect_there_are_fewer_once_most_say_so(voters: Voters) -> None:
    led = Lead(NAMED, voters, electors=3)
    voters.say(replace(word(""), votes=5))
    assert led.confirmed().candidates == BOTH
    voters.say(replace(word(""), votes=2), "s1", "s2")
    del voters.says["s3"]
    assert led.confirmed().candidates is None
    voters.says["s3"] = replace(word("s3"), votes=3)
    assert led.confirmed().candidates == BOTH
    assert led.ask_all().electors == 3
    del voters.says["s3"]
    assert led.confirmed().candidates == BOTH


@pytest.mark.parametrize(
    "led",
    [
        pytest.param(lambda voters: Lead(NAMED, voters, electors=3), id="all Sentinels that are named say so"),
        # A replica is named besides, which is away.
        pytest.param(lambda voters: Lead([*NAMED, "redis://s4:6379"], voters, each_knows_all=True), id="a cluster"),
    ],
)
def test_where_there_are_half_as_many_who_elect_as_before_they_are_believed(
    led: Callable[[Voters], Lead], voters: Voters
) -> None:
    asking = led(voters)
    voters.say(replace(word(""), votes=6))
    assert asking.confirmed().candidates is None
    voters.say(word(""), "s1", "s2")
    assert asking.confirmed().candidates is None, "one of them knows of more"
    voters.say(word(""))
    asking.confirmed()
    assert asking.confirmed().candidates == BOTH
    del voters.says["s2"], voters.says["s3"]
    assert asking.confirmed().candidates is None, "one is not most of three"


def test_a_replica_may_lead_while_any_one_thinks_so_and_may_not_when_most_say_it(led: Lead, voters: Voters) -> None:
    voters.say(replace(word(""), candidates=frozenset({NEAR})), "s1", "s2")
    voters.say(replace(word(""), candidates=frozenset({FAR})), "s3")
    assert led.confirmed().candidates == BOTH
    del voters.says["s3"]
    assert led.confirmed().candidates == frozenset({NEAR})
    del voters.says["s2"]
    assert led.confirmed().candidates is None


def test_one_that_is_reached_in_two_ways_has_one_vote(led: Lead, voters: Voters) -> None:
    voters.says = {"s1": word("the same"), "s2": word("the same")}
    assert led.confirmed().candidates is None


def test_others_are_asked_where_those_that_are_named_are_too_few(voters: Voters) -> None:
    others = [("s2", 26379), ("s3", 26379)]
    voters.says["s1"] = replace(word("s1"), others=others)
    led = Lead(NAMED[:1], voters)
    led.find()
    assert led.confirmed().candidates == BOTH
    assert voters.asked.total() < 2 * 3, "no more than are needed"


def test_where_all_fall_silent_the_master_stays_and_that_is_said_once(
    led: Lead, voters: Voters, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    voters.says.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            assert led.find() == A
            clock.now += LOOK_SECONDS / 10
    (said,) = caplog.records
    assert re.search(r"s1:26379: is away; s2:.*; s3:", said.getMessage())
    assert voters.asked.total() < 20, "those that are gone do not hold up each new connection"
    assert led.confirmed().candidates is None


def test_where_nobody_ever_said_it_that_is_an_error(voters: Voters) -> None:
    voters.says.clear()
    with pytest.raises(RedisError, match=r"nobody says who the master is: s\d:26379: is away"):
        Lead(NAMED, voters).find()


def test_a_slow_answer_takes_nobody_back_and_many_share_a_look(led: Lead, voters: Voters) -> None:
    found: list[Standing] = []

    def look() -> None:
        found.append(led.confirmed())

    threads = [threading.Thread(target=look) for _ in range(20)]
    with voters.slow():
        threads[0].start()
        until(lambda: voters.asked.total() == 1, what="a look is under way")
        voters.say(word("", B, 2))
        for thread in threads[1:]:
            thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert found[1:] == [Standing(B, 2, BOTH, BOTH)] * 19, "who asked later hears nothing that was said before"
    assert led.place == B
    assert voters.asked.total() < 20
