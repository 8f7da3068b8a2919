"""The configurations of the guide to Redis, run as they stand there but for places, folders and TLS."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis
from redis.crc import key_slot

from devtools.waiting import until
from kimi.errors import StoreUnavailable
from kimi.pool import open_store
from kimi.pool.old_files import OldFiles
from kimi.pool.resealing import Resealing
from kimi.pool.secret_fields import VAULT
from kimi.pool_name import POOL, prefix_of
from kimi.sealing_keys import new_key
from kimi.settings import CommonSettings
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.kimi.pool.sealing import with_keys
from tests.ports import free_port
from tests.valkey import Valkey

FOLDER: Final = Path(__file__).parents[2] / "docs" / "guides"
GUIDE: Final = (FOLDER / "redis.md").read_text("utf-8")
SERVER, SENTINEL, NODE, _TLS = re.findall(r"```conf\n(# .*?)```", GUIDE, re.DOTALL)
(USERS,) = re.findall(r"```conf\n(user .*?)```", GUIDE, re.DOTALL)
_ASKED = re.compile(r"^ +redis-cli -h redis\.(\w+)\.internal --user admin --askpass (.*)$", re.MULTILINE)
PROMOTE, (LOOK_AT_IT,), FOLLOW = (
    _ASKED.findall(block)
    for block in re.findall(r" ```sh\n(.*?)```", (FOLDER / "operating.md").read_text("utf-8"), re.DOTALL)
)
"""Commands of the guide to operating, for two regions: of which one is asked, and what it is told."""
LOOK: Final = "sentinel_username=look&sentinel_password=LOOK_PASSWORD"


class Configured(Valkey):
    """A server, or a Sentinel, with a file of settings that it writes anew."""

    def __init__(self, folder: Path, settings: str, *more: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.bus = free_port()
        self.settings = folder / "redis.conf"
        self._more = more
        changes = {
            r"^port \d+$": f"port {self.port}",
            r"^bind .*$": "bind 127.0.0.1",
            r"^dir .*$": f"dir {folder}",
            r"^aclfile .*$": f"aclfile {folder}/users.acl\nrepl-diskless-sync-delay 0",
            r"^cluster-enabled .*$": rf"\g<0>\ncluster-port {self.bus}",
            r"^(replica-announce-ip|cluster-announce-hostname) .*$": r"\1 localhost",
        }
        for old, new in changes.items():
            settings = re.sub(old, new, settings, flags=re.MULTILINE)
        self.settings.write_text(settings)
        (folder / "users.acl").write_text(USERS)

    def program(self, server: str) -> list[str]:
        return [server, str(self.settings), *self._more]

    def _ready(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(servers: Sequence[Configured]) -> Iterator[None]:
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()


def asked(server: Configured, *command: str | int) -> Any:
    """What it answers to the operator."""
    url = f"redis://admin:ADMIN_PASSWORD@127.0.0.1:{server.port}/0"
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return client.execute_command(*command)


def follows(server: Configured) -> bool:
    return bool(asked(server, "INFO", "replication").get("master_link_status") == "up")


def hosts(servers: Sequence[Valkey]) -> str:
    return ",".join(f"localhost:{each.port}" for each in servers)


@contextmanager
def pool_at(url: str) -> Iterator[Pool]:
    settings = CommonSettings.model_validate({"redis_url": url.replace("//", "//kimi:POOL_PASSWORD@")})
    with open_store(settings, timeout=2) as store:
        yield Pool(store, Clock(store.now()))


def leases(pool: Pool) -> bool:
    try:
        pool.leases.release(pool.leases.acquire(KIMI))
    except StoreUnavailable:
        return False
    return True


def sentinel_set(folder: Path) -> tuple[list[Configured], list[Configured]]:
    first = Configured(folder / "first", re.sub(r"replicaof .*\n", "", SERVER))
    followers = re.sub(r"replicaof .*", f"replicaof localhost {first.port}", SERVER)
    servers = [first, *(Configured(folder / name, followers) for name in ("second", "third"))]
    watching = SENTINEL.replace("redis-1.internal 6379", f"localhost {first.port}")
    return servers, [Configured(folder / f"sentinel-{number}", watching, "--sentinel") for number in range(3)]


def know_each_other(sentinels: Sequence[Configured]) -> bool:
    """Whether each of them knows both others and both replicas, as they stand in their files of settings."""
    known = [re.findall(r"^sentinel known-(\w+)", each.settings.read_text(), re.MULTILINE) for each in sentinels]
    return all(sorted(kinds) == ["replica", "replica", "sentinel", "sentinel"] for kinds in known)


def test_the_sentinel_set_goes_on_without_any_one_machine(tmp_path: Path) -> None:
    servers, sentinels = sentinel_set(tmp_path)
    url = f"redis+sentinel://{hosts(sentinels)}/main/0?{LOOK}"
    with running([*servers, *sentinels]), pool_at(url) as pool:
        until(lambda: all(map(follows, servers[1:])) and know_each_other(sentinels), what="all know each other")
        pool.fill(web("a"))
        assert leases(pool)
        servers[0].kill()
        sentinels[0].kill()
        until(lambda: leases(pool), what="the pool takes writes again")
        until(lambda: any(map(follows, servers[1:])), what="the other one follows")
        assert Resealing(with_keys(pool, new_key()).store).seal_plain().changed
        refused: list[str] = []

        def files_are_new() -> bool:
            if told := OldFiles(pool.store).follow():
                refused.extend(told.refused)
            return told is None and not pool.store.redis.hget(pool.store.key(VAULT), "files")

        until(files_are_new, what="the files are written anew")
        assert refused == []
        assert [asked(each, "ACL", "LOG") for each in servers[1:]] == [[], []], "each may do what it needs"


def test_a_shard_that_is_lost_takes_no_pool_of_another_with_it(tmp_path: Path) -> None:
    ours, theirs, spare = nodes = [Configured(tmp_path / f"node-{number}", NODE) for number in range(3)]
    slot = key_slot(prefix_of(POOL).encode())
    with running(nodes):
        for node, slots in ((ours, [slot, slot]), (theirs, [0, slot - 1]), (spare, [slot + 1, 16383])):
            asked(node, "CLUSTER", "ADDSLOTSRANGE", *slots)
            asked(node, "CLUSTER", "MEET", "127.0.0.1", ours.port, ours.bus)
        until(
            lambda: all("cluster_state:ok" in str(asked(each, "CLUSTER", "INFO")) for each in nodes), what="it is one"
        )
        with pool_at(f"redis+cluster://{hosts(nodes)}?replicas=0") as pool:
            pool.fill(web("a"))
            theirs.kill()
            until(lambda: "master,fail " in asked(ours, "CLUSTER", "NODES"), what="the cluster knows")
            assert leases(pool)


def test_a_standby_that_took_over_stays_the_master_when_it_is_started_again(tmp_path: Path) -> None:
    alone = re.sub(r"min-replicas.*\n", "", SERVER)
    first = Configured(tmp_path / "first", re.sub(r"replicaof .*\n", "", alone))
    second = Configured(tmp_path / "second", re.sub(r"replicaof .*", f"replicaof localhost {first.port}", alone))
    regions = {"first": first, "second": second}

    def do(commands: Sequence[tuple[str, str]]) -> list[Any]:
        return [
            asked(regions[region], *re.sub(r"redis\.first\.internal 6379", f"localhost {first.port}", words).split())
            for region, words in commands
        ]

    def taken_over_by(new: str) -> None:
        *_, follows_whom = do([(new, words) for _, words in PROMOTE])
        assert follows_whom == {"replicaof": ""}
        asked(regions[new], "SET", "token", f"newest of the {new}")

    def started_again(server: Configured) -> tuple[str, str]:
        server.stop()
        server.start()
        return asked(server, "ROLE")[0], asked(server, "GET", "token")

    with running([first, second]):
        until(lambda: follows(second), what="the standby follows")
        first.kill()
        taken_over_by("second")
        first.settings.write_text(f"{first.settings.read_text()}replicaof localhost {second.port}\n")
        first.start()
        assert started_again(second) == ("master", "newest of the second")
        until(lambda: do([LOOK_AT_IT])[0].get("master_link_status") == "up", what="the first follows")
        taken_over_by("first")
        do(FOLLOW)
        until(lambda: follows(second), what="the second follows again")
        assert started_again(first) == ("master", "newest of the first")
        until(lambda: follows(second), what="the second follows as before")
        assert started_again(second)[0] == "slave"
        until(lambda: asked(second, "GET", "token") == "newest of the first", what="it has the newest token")
