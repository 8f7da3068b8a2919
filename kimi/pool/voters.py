"""What one of those says of the master who elect it: a Sentinel, or a node of a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

Place = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, slots=True)
class Word:
    """Where the master is, since which election, and how sure that is.

    `replicas` follow it, and `living` of them are not known to be dead and could take its place. `is_calm` is it while
    it is neither taken for dead nor being replaced, and `is_reached` while this one has an answer from it. `voter` is
    who says it, empty for one who elects nobody; so many have `votes`.
    """

    place: Place
    epoch: int
    replicas: int
    living: int
    is_calm: bool
    voter: str
    votes: int
    others: Collection[Place] = ()
    is_reached: bool = True


def by_name(service: str, sentinel: Redis, _: Place) -> Word:
    """What a Sentinel says. Raises what redis-py raises, also where it does not know that service."""
    pipe: Any = sentinel.pipeline(transaction=False)
    for command in ("MASTER", "GET-MASTER-ADDR-BY-NAME", "SLAVES", "SENTINELS"):
        pipe.execute_command(f"SENTINEL {command}", service)
    pipe.execute_command("SENTINEL MYID")
    # While it hands over it names the one that was in the first answer, and the one that is in the second.
    master, place, replicas, others, own = pipe.execute()
    return Word(
        _place(*place),
        int(master["config-epoch"]),
        replicas=len(replicas),
        living=sum(_may_lead(each, int(master["down-after-milliseconds"])) for each in replicas),
        is_calm=not any(sign in master["flags"] for sign in ("o_down", "failover_in_progress")),
        is_reached="s_down" not in master["flags"],
        voter=_text(own),
        votes=len(others) + 1,
        others=[_place(each["ip"], each["port"]) for each in others],
    )


def _may_lead(replica: Mapping[str, Any], down_after: int) -> bool:
    """Whether Sentinels would make it the master, by their own rules (`sentinelSelectSlave`)."""
    follows = int(replica.get("master-link-down-time", 0)) <= 10 * down_after
    return not replica["is_sdown"] and int(replica.get("slave-priority", 100)) > 0 and follows


def by_slot(slot: int, node: Redis, place: Place) -> Word:
    """What a node says of the master of `slot`, while it stands at `place`. Raises what redis-py raises."""
    pipe: Any = node.pipeline(transaction=False)
    pipe.execute_command("CLUSTER SLOTS")
    pipe.execute_command("CLUSTER NODES")
    rows, told = pipe.execute()
    owner = next((servers[0] for first, last, *servers in rows if first <= slot <= last), None)
    nodes = {each["node_id"]: _Node(each) for each in told.values()}
    master = nodes.get(_text(owner[2])) if owner else None
    if master is None:
        raise RedisConnectionError("knows none")
    replicas = [each for each in nodes.values() if each.follows(master)]
    voters = {each.name for each in nodes.values() if each.has_slots}
    own = next((each.name for each in nodes.values() if "myself" in each.flags), "")
    return Word(
        _at(owner, place),
        master.epoch,
        replicas=len(replicas),
        living=sum("fail" not in each.flags for each in replicas),
        is_calm="fail" not in master.flags,
        is_reached="fail?" not in master.flags,
        voter=own if own in voters else "",
        votes=len(voters),
        others={_at(server, place) for _, _, *servers in rows for server in servers},
    )


class _Node:
    """A line of `CLUSTER NODES`."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.name: str = line["node_id"]
        self.flags = frozenset(line["flags"].split(","))
        self.epoch = int(line["epoch"])
        self.has_slots = "master" in self.flags and bool(line["slots"])
        self._master: str = line["master_id"]

    def follows(self, other: _Node) -> bool:
        return self._master == other.name


def _at(server: Any, asked: Place) -> Place:
    """Where that server of `CLUSTER SLOTS` is; one that does not know by which name it is reached tells none."""
    return _place(server[0] or asked[0], server[1])


def _place(host: str | bytes, port: str | bytes | int) -> Place:
    return _text(host), int(port)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
