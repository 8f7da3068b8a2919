"""What one of those says of the master who elect it: a Sentinel, or a node of a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

Place = tuple[str, int]
"""Host and port."""


_NO_NAME: Final = ("?", b"?")


@dataclass(frozen=True, slots=True)
class Word:
    """Where the master is, since which election, and how sure that is.

    `replicas` follow it, or did, and `candidates` are those of them that could take its place. `is_calm` is it while it
    is neither taken for dead nor being replaced, and `is_reached` while this one has an answer from it. `voter` is who
    says it, empty for one who elects nobody; so many have `votes`.
    """

    place: Place
    epoch: int
    replicas: frozenset[Place]
    candidates: frozenset[Place]
    is_calm: bool
    voter: str
    votes: int
    others: Collection[Place] = ()
    is_reached: bool = True
    runs: Mapping[Place, str] = field(default_factory=dict)
    """Which run of a server answers there, where that is known: Sentinels may know one server by two names."""


def by_name(service: str, sentinel: Redis, _: Place) -> Word:
    """What a Sentinel says. Raises what redis-py raises, also where it does not know that service."""
    pipe: Any = sentinel.pipeline(transaction=False)
    for command in ("MASTER", "GET-MASTER-ADDR-BY-NAME", "SLAVES", "SENTINELS"):
        pipe.execute_command(f"SENTINEL {command}", service)
    pipe.execute_command("SENTINEL MYID")
    # While it hands over it names the one that was in the first answer, and the one that is in the second.
    master, place, rows, others, own = pipe.execute()
    replicas = {_place(each["ip"], each["port"]): each for each in rows}
    down_after = int(master["down-after-milliseconds"])
    return Word(
        _place(*place),
        int(master["config-epoch"]),
        replicas=frozenset(replicas),
        candidates=frozenset(place for place, each in replicas.items() if _may_lead(each, down_after)),
        is_calm=not any(sign in master["flags"] for sign in ("o_down", "failover_in_progress")),
        is_reached="s_down" not in master["flags"],
        voter=_text(own),
        votes=len(others) + 1,
        others=[_place(each["ip"], each["port"]) for each in others],
        runs={place: _text(each["runid"]) for place, each in replicas.items() if each.get("runid")},
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
    nodes = {line["node_id"]: _Node(address, line, place) for address, line in told.items()}
    master = nodes.get(_text(owner[2])) if owner else None
    if master is None:
        raise RedisConnectionError("knows none")
    replicas = [each for each in nodes.values() if each.follows(master)]
    voters = {each.name for each in nodes.values() if each.has_slots}
    own = next((each.name for each in nodes.values() if "myself" in each.flags), "")
    return Word(
        _at(owner, place),
        master.epoch,
        replicas=frozenset(each.place for each in replicas),
        candidates=frozenset(
            each.place for each in replicas if each.flags.isdisjoint({"fail", "nofailover", "noaddr"})
        ),
        is_calm="fail" not in master.flags,
        is_reached="fail?" not in master.flags,
        voter=own if own in voters else "",
        votes=len(voters),
        others={_at(server, place) for _, _, *servers in rows for server in servers},
    )


class _Node:
    """A line of `CLUSTER NODES`, told by the one at `asked`."""

    def __init__(self, address: str, line: Mapping[str, Any], asked: Place) -> None:
        host, _, port = address.rpartition(":")
        self.place = _place(host or asked[0], port)
        self.name: str = line["node_id"]
        self.flags = frozenset(line["flags"].split(","))
        self.epoch = int(line["epoch"])
        self.has_slots = "master" in self.flags and bool(line["slots"])
        self._master: str = line["master_id"]

    def follows(self, other: _Node) -> bool:
        return self._master == other.name


def _at(server: Any, asked: Place) -> Place:
    """Where that server of `CLUSTER SLOTS` is, which may tell another name than the preferred one, or none."""
    host, port, _, *more = server
    if host in _NO_NAME:  # it prefers one that was not set
        told = [_text(each) for each in more[0]] if more else []
        host = dict(zip(told[::2], told[1::2], strict=False)).get("ip")
    return _place(host or asked[0], port)


def _place(host: str | bytes, port: str | bytes | int) -> Place:
    return _text(host), int(port)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
