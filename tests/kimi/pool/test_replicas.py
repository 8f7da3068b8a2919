"""How many replicas have to have what was written."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from kimi.errors import NotKept
from kimi.pool.masters import Lead
from kimi.pool.replicas import DOUBT_SECONDS, Attached, Replicas
from kimi.pool.voters import Place
from tests.kimi.pool.electing import BOTH, FAR, NAMED, NEAR, NOBODY, B, Voters, word
from tests.kimi.pool.pools import Clock


class Pipe:
    """Takes down what is asked of Redis."""

    def __init__(self) -> None:
        self.asked: tuple[Any, ...] = ()

    def execute_command(self, *words: Any) -> None:
        self.asked = self.asked or words


def write(replicas: Replicas, *have: Place, answer: object = None) -> int:
    """Writes what those have then, and no others are there; how many were waited for. Raises `NotKept`."""
    pipe = Pipe()
    attached = Attached(frozenset(have), frozenset(have), len(have))
    replicas.judge(replicas.ask(pipe), len(have) if answer is None else answer, lambda _: attached)
    return int(pipe.asked[1])


def is_kept(replicas: Replicas, *have: Place) -> bool:
    try:
        write(replicas, *have)
    except NotKept:
        return False
    return True


@pytest.fixture
def voters() -> Voters:
    return Voters()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replicas(voters: Voters) -> Replicas:
    """All that there are, which are two."""
    return Replicas(None, Lead(NAMED, voters))


@pytest.fixture
def lone(clock: Clock) -> Replicas:
    """Two of a server that nobody else watches."""
    return Replicas(2, monotonic=clock)


def test_what_all_have_is_kept_and_nobody_is_asked(replicas: Replicas, voters: Voters) -> None:
    assert write(replicas, NEAR, FAR) == 2
    voters.asked.clear()
    assert write(replicas, NEAR, FAR) == 2
    assert not voters.asked


def test_what_one_that_lives_lacks_is_not_kept_however_long_that_takes(replicas: Replicas) -> None:
    for have in ([NEAR], []) * 50:
        assert not is_kept(replicas, *have)
    with pytest.raises(NotKept):  # both follow
        replicas.judge(replicas.ask(Pipe()), 1, lambda _: Attached(all=BOTH, have=frozenset({NEAR}), prompt=2))


def test_one_that_never_leads_stands_in_for_nobody_and_holds_up_nothing(replicas: Replicas, voters: Voters) -> None:
    voters.say(replace(word(""), candidates=frozenset({NEAR})))
    assert is_kept(replicas, NEAR)
    assert not is_kept(replicas, FAR)


def test_one_that_is_dead_is_not_waited_for_which_the_operator_is_told_once(
    replicas: Replicas, voters: Voters, caplog: pytest.LogCaptureFixture
) -> None:
    voters.say(replace(word(""), candidates=frozenset({NEAR})))
    with caplog.at_level(logging.INFO):
        assert [write(replicas, NEAR) for _ in range(3)] == [2, 1, 1]
        assert replicas.lacking
        for _ in range(2):
            assert not is_kept(replicas)
        assert replicas.lacking
        write(replicas, NEAR, FAR)
        assert write(replicas, NEAR, FAR) == 2, "it is back"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    fewer, none, _ = (record.getMessage() for record in caplog.records)
    assert re.search("1 of 2 replicas .*, not 10.0.0.4:6379, and what they lack is lost if it fails over now", fewer)
    assert re.search("0 of 2 replicas .*, and 10.0.0.3:6379 may lead next without it, and no token is spent", none)
    assert not replicas.lacking


def test_one_that_comes_to_life_has_to_have_it_too(replicas: Replicas, voters: Voters) -> None:
    voters.say(replace(word(""), candidates=NOBODY))
    assert is_kept(replicas)
    voters.say(word(""))
    assert not is_kept(replicas)


@pytest.mark.parametrize("living", [[], [NEAR]], ids=str)
def test_those_that_are_back_are_waited_for_again(replicas: Replicas, voters: Voters, living: list[Place]) -> None:
    voters.say(replace(word(""), candidates=frozenset(living)))
    assert [write(replicas, *living) for _ in range(2)] == [2, len(living)]
    voters.say(word(""))
    assert not is_kept(replicas, *living), "so many have it as were waited for, at that moment"
    assert write(replicas, NEAR, FAR) == 2
    assert not replicas.lacking


def test_who_is_back_and_slow_is_waited_for_too(replicas: Replicas, voters: Voters) -> None:
    voters.say(replace(word(""), candidates=frozenset({NEAR})))
    pipe = Pipe()
    replicas.judge(replicas.ask(pipe), 1, lambda _: Attached(all=BOTH, have=frozenset({NEAR}), prompt=2))
    assert write(replicas, NEAR, FAR) == 2


def test_who_has_just_come_has_it_in_nobodys_place(replicas: Replicas, voters: Voters) -> None:
    new = ("10.0.0.9", 6379)

    def told(*there: Place) -> dict[str, Any]:
        rows = {
            f"slave{n}": {"ip": ip, "port": port, "state": "online", "lag": 0} for n, (ip, port) in enumerate(there)
        }
        return {"master_repl_offset": 70, **rows}

    def look(_: int) -> Attached:
        return Attached(all=frozenset({NEAR, new}), have=frozenset({NEAR, new}), prompt=2)

    replicas.judge(replicas.ask(Pipe()), 2, look, told(NEAR, FAR))
    for there in ((NEAR, new), (NEAR, FAR, new)):
        with pytest.raises(NotKept, match=r"10\.0\.0\.4:6379"):
            replicas.judge(replicas.ask(Pipe()), 2, look, told(*there))
    voters.say(replace(word(""), candidates=frozenset({NEAR})))
    replicas.judge(replicas.ask(Pipe()), 2, look, told(NEAR, new))


def test_those_that_the_master_never_called_by_their_names_are_counted(replicas: Replicas) -> None:
    rows = {f"slave{n}": {"ip": "redis", "port": n, "state": "online", "lag": 0} for n in range(2)}
    replicas.judge(replicas.ask(Pipe()), 2, lambda _: pytest.fail("they are not looked at"), rows)


def test_who_was_the_master_by_another_name_than_it_has_as_a_replica_is_one(replicas: Replicas, voters: Voters) -> None:
    announced = ("redis-4", 6379)
    voters.say(replace(word(""), replicas=BOTH | {announced}, candidates=BOTH | {announced}))
    assert not is_kept(replicas, NEAR, announced)
    voters.say(replace(word(""), runs={NEAR: "near", FAR: "far", announced: "far"}))
    assert is_kept(replicas, NEAR, announced)
    assert write(replicas, NEAR, announced) == 2
    assert not replicas.lacking
    assert not is_kept(replicas, NEAR)


def test_a_replica_by_another_name_is_told_and_nothing_is_kept(replicas: Replicas) -> None:
    with pytest.raises(NotKept, match=r"calls none of its replicas redis-4:6379, .*: let replica-announce-ip"):
        write(replicas, NEAR, ("redis-4", 6379), answer=1)


@pytest.mark.parametrize(
    "said",
    [{"place": B, "epoch": 2}, {"place": B}, {"epoch": 2}, {"is_calm": False}],
    ids=["another one", "another one of the same election", "the same one again", "a hand-over has begun"],
)
def test_what_fewer_have_is_not_kept_where_the_master_may_be_another_one(
    replicas: Replicas, voters: Voters, said: dict[str, Any]
) -> None:
    dead = replace(word(""), candidates=NOBODY)
    voters.say(dead)
    assert is_kept(replicas)
    voters.say(replace(dead, **said))
    assert not is_kept(replicas)


def test_what_fewer_have_is_not_kept_where_most_cannot_be_asked(replicas: Replicas, voters: Voters) -> None:
    voters.say(replace(word(""), candidates=NOBODY))
    assert is_kept(replicas)
    del voters.says["s1"], voters.says["s2"]
    for _ in range(100):
        assert not is_kept(replicas)


def test_where_fewer_are_wanted_than_there_are_nobody_may_be_handing_over(voters: Voters) -> None:
    replicas = Replicas(1, Lead(NAMED, voters))
    assert is_kept(replicas, NEAR)
    assert not replicas.lacking
    voters.say(replace(word(""), is_calm=False), "s2")
    assert not is_kept(replicas, NEAR)


def test_that_redis_does_not_wait_is_told_and_nothing_is_kept(replicas: Replicas, lone: Replicas) -> None:
    for each in (replicas, lone):
        with pytest.raises(NotKept, match=r"does not say how many .*: NOPERM"):
            write(each, answer=PermissionError("NOPERM"))


def test_who_has_what_was_written_is_told_by_name() -> None:
    server = {"port": 6379, "state": "online", "lag": 0}
    after = {
        "role": "master",
        "slave0": server | {"ip": "10.0.0.3", "offset": 70},
        "slave1": server | {"ip": "10.0.0.4", "offset": 69},
        "slave2": server | {"ip": "redis-5", "offset": 80, "lag": 2},
        "slave3": server | {"ip": "redis-6", "offset": 80, "state": "wait_bgsave"},
        "slave_read_only": 1,
        "master_repl_offset": 90,
    }
    told = Attached.told({"master_repl_offset": 70}, after)
    assert told.have == {NEAR, ("redis-5", 6379)}
    assert told.all == {NEAR, FAR, ("redis-5", 6379), ("redis-6", 6379)}
    assert told.prompt == 2
    with pytest.raises(NotKept, match=r"ask \(\+info\): NOPERM"):
        Attached.told(PermissionError("NOPERM"), PermissionError("NOPERM"))


def has_no_more_for(replicas: Replicas, clock: Clock, has: int, seconds: float) -> bool:
    """Whether what was written is kept at the end, while there was something to write each second."""
    end = clock.now + seconds
    while clock.now < end:
        is_kept(replicas, *[NEAR, FAR][:has])
        clock.now += 1
    return is_kept(replicas, *[NEAR, FAR][:has])


def test_a_server_that_nobody_watches_is_doubted_for_a_while(lone: Replicas, clock: Clock) -> None:
    assert not has_no_more_for(lone, clock, 1, DOUBT_SECONDS / 2)
    assert has_no_more_for(lone, clock, 1, DOUBT_SECONDS / 2)
    assert lone.lacking
    assert not is_kept(lone), "it has lost the other one too"
    assert has_no_more_for(lone, clock, 0, DOUBT_SECONDS)


@pytest.mark.parametrize("between", ["nothing", "all have it"])
def test_one_old_lack_says_nothing_of_a_new_one(lone: Replicas, clock: Clock, between: str) -> None:
    assert not is_kept(lone, NEAR)
    if between == "nothing":
        clock.now += DOUBT_SECONDS
    else:
        has_no_more_for(lone, clock, 2, DOUBT_SECONDS)
    assert not is_kept(lone, NEAR)
