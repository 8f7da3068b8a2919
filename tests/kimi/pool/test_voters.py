"""Who could be the master next, by what Sentinels and nodes of a cluster answer."""

from __future__ import annotations

from typing import Any

import pytest
from redis._parsers.helpers import parse_cluster_nodes

from kimi.pool.voters import Word, by_name, by_slot
from tests.kimi.pool.electing import FAR, NEAR, NOBODY, A, B

DOWN_AFTER = 3000


class Told:
    """A client, or a pipeline, to which that is answered, whatever it asks."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def pipeline(self, **_: Any) -> Told:
        return self

    def execute_command(self, *_: Any) -> None:
        pass

    def execute(self) -> list[Any]:
        return self._answers


def sentinel(replica: dict[str, Any], other: dict[str, Any] | None = None, **master: Any) -> Word:
    """What one says of a master with that replica, and another one in good order."""
    rows = [{"ip": host, "port": port, "is_sdown": False, "slave-priority": 100} for host, port in (NEAR, FAR)]
    says = {"flags": "master", "config-epoch": "3", "down-after-milliseconds": str(DOWN_AFTER)} | master
    others = [{"ip": "10.0.0.8", "port": 26379}, {"ip": "10.0.0.9", "port": 26379}]
    answers = says, [A[0].encode(), str(A[1]).encode()], [rows[0] | replica, rows[1] | (other or {})], others, b"an id"
    return by_name("main", Told(*answers), B)  # type: ignore[arg-type]


def node(*replicas: str, master: str = "10.0.0.1:6379@16379 master - 0 0 3 connected 0-5460", host: Any = A[0]) -> Word:
    """What one says of the master of a slot, to which it belongs itself; lines as in `CLUSTER NODES`."""
    lines = [f"m {master}", "o 10.0.0.2:6379@16379 myself,master - 0 0 2 connected 5461-16383", *replicas]
    slots = [[0, 5460, [host, 6379, b"m", [b"ip", b"10.0.0.1"]]], [5461, 16383, [b"10.0.0.2", 6379, b"o", []]]]
    nodes = parse_cluster_nodes("\n".join(lines))  # type: ignore[no-untyped-call]
    return by_slot(7, Told(slots, nodes), B)  # type: ignore[arg-type]


def test_a_sentinel_tells_the_master_and_its_replicas() -> None:
    word = sentinel({})
    assert (word.place, word.epoch, word.voter, word.votes) == (A, 3, "an id", 3)
    assert word.replicas == word.candidates == {NEAR, FAR}
    assert (word.is_calm, word.is_reached) == (True, True)


@pytest.mark.parametrize(
    ("replica", "may_lead"),
    [
        ({"is_sdown": True}, False),
        ({"slave-priority": 0}, False),
        ({"slave-priority": 1}, True),
        ({"master-link-down-time": 10 * DOWN_AFTER}, True),
        ({"master-link-down-time": 10 * DOWN_AFTER + 1}, False),
        ({"master-link-down-time": -1000}, True),
    ],
    ids=str,
)
def test_a_replica_may_lead_that_sentinels_would_choose(replica: dict[str, Any], *, may_lead: bool) -> None:
    word = sentinel(replica)
    assert word.replicas == {NEAR, FAR}
    assert word.candidates == ({NEAR, FAR} if may_lead else {FAR})


def test_a_sentinel_says_which_names_are_of_one_server() -> None:
    assert sentinel({"runid": "one"}, other={"runid": "one"}).runs == {NEAR: "one", FAR: "one"}
    assert sentinel({"runid": ""}, other={"runid": "one"}).runs == {FAR: "one"}, "who was never reached has none"


@pytest.mark.parametrize(
    ("flags", "is_calm", "is_reached"),
    [("s_down,master", True, False), ("s_down,o_down,master", False, False), ("failover_in_progress", False, True)],
)
def test_what_a_sentinel_has_against_the_master_is_told(flags: str, *, is_calm: bool, is_reached: bool) -> None:
    word = sentinel({}, flags=flags)
    assert (word.is_calm, word.is_reached) == (is_calm, is_reached)


@pytest.mark.parametrize(
    ("flags", "may_lead"),
    [
        ("slave", True),
        ("slave,fail?", True),
        ("slave,fail", False),
        ("slave,nofailover", False),
        ("slave,noaddr", False),
    ],
)
def test_a_replica_may_lead_that_could_stand_for_election(flags: str, *, may_lead: bool) -> None:
    word = node(f"r 10.0.0.3:6379@16379 {flags} m 0 0 3 connected", "s 10.0.0.4:6379@16379 slave o 0 0 2 connected")
    assert (word.place, word.epoch, word.voter, word.votes) == (A, 3, "o", 2)
    assert word.replicas == {NEAR}
    assert word.candidates == ({NEAR} if may_lead else NOBODY)


@pytest.mark.parametrize(("host", "found"), [(b"?", A[0]), ("?", A[0]), (b"redis-1", "redis-1"), (None, B[0])])
def test_a_node_without_the_preferred_name_is_where_its_address_is(host: bytes | str | None, found: str) -> None:
    assert node(host=host).place == (found, 6379)


@pytest.mark.parametrize(
    ("flags", "is_calm", "is_reached"),
    [("master", True, True), ("master,fail?", True, False), ("master,fail", False, True)],
)
def test_what_a_node_has_against_the_master_is_told(flags: str, *, is_calm: bool, is_reached: bool) -> None:
    word = node(master=f"10.0.0.1:6379@16379 {flags} - 0 0 3 connected 0-5460")
    assert (word.is_calm, word.is_reached) == (is_calm, is_reached)
