"""Several Valkeys that look after each other: a master that Sentinels watch, and a cluster of three masters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.crc import key_slot

from devtools.waiting import until
from kimi.pool_name import POOL, prefix_of
from tests.ports import free_port
from tests.valkey import Valkey

S = TypeVar("S", bound=Valkey)

SERVICE = "main"
_SLOTS = 16384
_SILENT_MS = 600
"""After so many milliseconds of silence a server is taken for dead: few, so that tests do not take long."""
_AT_ONCE = ("--repl-diskless-sync-delay", "0")


def client_of(server: Valkey) -> Any:  # redis-py types every answer as a union over both decode modes
    """A plain client of one server; to be closed."""
    return redis.Redis(port=server.port, decode_responses=True, socket_timeout=5)


def follows(server: Valkey) -> bool:
    """Whether it is a replica that has all that its master has."""
    with client_of(server) as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def links(master: Valkey) -> set[int]:
    """The ports of those that follow it."""
    with client_of(master) as client:
        told = client.info("replication")
    return {row["port"] for name, row in told.items() if isinstance(row, dict) and row["state"] == "online"}


@contextmanager
def unlinked(replica: Valkey, master: Valkey) -> Iterator[None]:
    """It lives, and cannot follow while the block runs."""
    with client_of(replica) as client, client_of(master) as other:
        client.config_set("masterauth", "of another server")
        other.execute_command("CLIENT KILL TYPE replica")
        yield
        client.config_set("masterauth", "")


Front = Callable[[int], int]
"""Stands in front of a server's port; where others find the server then."""


class Servers(Valkey):
    """What stands where one server would. To `kill` it is to kill the master.

    Whoever asks for one of them is sent to what a `front` has put before it. `options` stand in the command line of
    each that keeps data.
    """

    servers: Sequence[Valkey]

    def __init__(self, directory: Path, *, front: Front | None = None, options: Sequence[str] = ()) -> None:
        super().__init__(directory, options=options)
        self._front = front or (lambda port: port)
        self._places: dict[Valkey, int] = {}

    def place(self, server: Valkey) -> int:
        """The port at which that one is found."""
        if server not in self._places:
            self._places[server] = self._front(server.port)
        return self._places[server]

    def _at(self, port: int) -> Valkey:
        return next(server for server in self.servers if self.place(server) == port)

    def _hosts(self, servers: Iterable[Valkey]) -> str:
        return ",".join(f"127.0.0.1:{self.place(each)}" for each in servers)

    @property
    @abstractmethod
    def master(self) -> Valkey:
        """Who has the pool's keys, as one says that should know."""

    @property
    @abstractmethod
    def replicas(self) -> Sequence[Valkey]:
        """Who follow the master, or should."""

    @abstractmethod
    def hand_over(self) -> None:
        """Make a replica the master, in peace."""

    @abstractmethod
    def is_whole(self) -> bool:
        """Whether all know each other, and every replica has what its master has."""

    def start(self) -> None:
        for server in self.servers:
            server.start()
        until(self.is_whole, what="all servers know each other")

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def kill(self) -> None:
        self.master.kill()


@contextmanager
def running(servers: S) -> Iterator[S]:
    """Has them run while the block does."""
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


class SentinelSet(Servers):
    """A master, two replicas and three Sentinels."""

    def __init__(self, directory: Path, **others: Any) -> None:
        super().__init__(directory, **others)
        self._data = first, *more = [Valkey(_folder(directory, f"server-{number}")) for number in range(3)]
        for server in self._data:
            announced = ("--replica-announce-ip", "127.0.0.1", "--replica-announce-port", str(self.place(server)))
            server.options = (*_AT_ONCE, *announced, *self.options)
        for server in more:
            server.options = (*server.options, "--replicaof", "127.0.0.1", str(self.place(first)))
        watched = self.place(first)
        self.sentinels = [_Sentinel(_folder(directory, f"sentinel-{number}"), watched) for number in range(3)]
        self.servers = [*self._data, *self.sentinels]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{self._hosts(self.sentinels)}/{SERVICE}/0"

    @property
    def master(self) -> Valkey:
        with client_of(self.sentinels[0]) as sentinel:
            _, port = sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)
        return self._at(port)

    @property
    def replicas(self) -> Sequence[Valkey]:
        master = self.master
        return [server for server in self._data if server is not master]

    def hand_over(self) -> None:
        was = self.master

        def has_changed() -> bool:
            with client_of(self.sentinels[0]) as sentinel, suppress(redis.ResponseError):  # it is at it, or not ready
                sentinel.execute_command("SENTINEL FAILOVER", SERVICE)
            return self.master is not was

        until(has_changed, what="the Sentinels have made a replica the master")

    def is_whole(self) -> bool:
        for each in self.sentinels:
            with client_of(each) as sentinel:
                state = sentinel.sentinel_masters()[SERVICE]
                if state["num-other-sentinels"] < 2 or state["num-slaves"] < 2:
                    return False
        return all(map(follows, self.replicas))


class _Sentinel(Valkey):
    """The same program, watching a server; it keeps what it finds out in its file of settings."""

    def __init__(self, directory: Path, master: int) -> None:
        super().__init__(directory)
        self._settings = directory / "sentinel.conf"
        self._settings.write_text(
            f"""port {self.port}
bind 127.0.0.1
dir {directory}
loglevel warning
sentinel monitor {SERVICE} 127.0.0.1 {master} 2
sentinel down-after-milliseconds {SERVICE} {_SILENT_MS}
sentinel failover-timeout {SERVICE} 3000
"""
        )

    def program(self, server: str) -> list[str]:
        return [server, str(self._settings), "--sentinel"]


class Cluster(Servers):
    """Three masters with a third of the slots each, and with a replica each."""

    def __init__(self, directory: Path, **others: Any) -> None:
        super().__init__(directory, **others)
        self.servers = [_Node(_folder(directory, f"node-{number}")) for number in range(6)]
        for server in self.servers:
            server.options = (
                *server.options, "--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port",
                str(self.place(server)), *self.options,
            )  # fmt: skip

    @property
    def url(self) -> str:
        return f"redis+cluster://{self._hosts(self.servers[:3])}"

    @property
    def master(self) -> Valkey:
        return self.master_of(POOL)

    def master_of(self, pool: str) -> Valkey:
        """The same for a pool of that name."""
        slot = key_slot(prefix_of(pool).encode())
        with self._anybody() as client:
            rows = client.execute_command("CLUSTER SLOTS")
        return self._at(next(master[1] for first, last, master, *_ in rows if first <= slot <= last))

    @property
    def replicas(self) -> Sequence[Valkey]:
        with client_of(self.master) as client:
            nodes = client.execute_command("CLUSTER REPLICAS", client.execute_command("CLUSTER MYID"))
        return [self._at(int(node.partition("@")[0].rpartition(":")[2])) for node in nodes]

    def hand_over(self) -> None:
        was = self.master
        until(lambda: self.replicas, what="it knows a replica, which may have been the master just now")
        with client_of(self.replicas[0]) as client:
            client.execute_command("CLUSTER FAILOVER")
        until(lambda: self.master is not was, what="the replica is the master")

    def is_whole(self) -> bool:
        with self._anybody() as client:
            nodes = client.execute_command("CLUSTER NODES").values()
        replicas = sum("slave" in node["flags"] for node in nodes)
        return replicas == 3 and all(map(_is_one, self.servers)) and sum(map(follows, self.servers)) == 3

    def _anybody(self) -> Any:
        return client_of(next(server for server in self.servers if server.process is not None))

    def start(self) -> None:
        first, *others = self.servers
        for server in self.servers:
            server.start()
        names = []
        for number, server in enumerate(self.servers):
            with client_of(server) as client:
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
                names.append(client.execute_command("CLUSTER MYID"))
                if number < 3:
                    last = (number + 1) * _SLOTS // 3 - 1
                    client.execute_command("CLUSTER ADDSLOTSRANGE", number * _SLOTS // 3, last)
        with client_of(first) as client:
            for server in others:
                assert isinstance(server, _Node)
                client.execute_command("CLUSTER MEET", "127.0.0.1", server.port, server.bus)
        for server, name in zip(self.servers[3:], names, strict=False):
            until(partial(_has_met, server, name), what="they have met")
            with client_of(server) as client:
                client.execute_command("CLUSTER REPLICATE", name)
        until(self.is_whole, what="the cluster is one")


class _Node(Valkey):
    def __init__(self, directory: Path) -> None:
        self.bus = free_port()
        options = (
            *("--cluster-enabled", "yes", "--cluster-port", str(self.bus)),
            *("--cluster-node-timeout", str(_SILENT_MS), "--cluster-replica-validity-factor", "0"),
        )
        super().__init__(directory, options=(*_AT_ONCE, *options))


def _folder(directory: Path, name: str) -> Path:
    folder = directory / name
    folder.mkdir(parents=True)
    return folder


def _has_met(server: Valkey, other: str) -> bool:
    with client_of(server) as client:
        return any(node["node_id"] == other for node in client.execute_command("CLUSTER NODES").values())


def _is_one(server: Valkey) -> bool:
    with client_of(server) as client:
        state = client.execute_command("CLUSTER INFO")
    return (state["cluster_state"], state["cluster_known_nodes"]) == ("ok", "6")
