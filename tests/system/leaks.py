"""What may be left of requests when none is under way: nothing.

Looked at from outside: Redis, the simulator, and the descriptors that the kernel shows of every gateway worker.
Of its greenlets a worker has to tell itself.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from devtools.waiting import until
from kimi.pool import connect
from tests.system import inside
from tests.system.stack import STARTED, Gateway, Stack

REST_SECONDS: Final = 20.0
"""Chats are deleted, and places given back, in the background."""
ANSWER_SECONDS: Final = 10.0
"""Redis may take longer for who looks here than for a gateway: many tests run at a time."""
REDIS_CONNECTIONS: Final = 31
"""Of a worker, as docs/scaling.md says: 20 of its store, 8 of the admin page, 2 to listen, and 1 to look whether Redis
is back.
"""

PREFIX: Final = "kimi:{pool}:"
LASTING: Final = re.compile(
    r"audit(:routine)?|client:[^:]+|clients|clients:(changes|epoch|names)|figures:(account|all|changed|client)|holders"
    r"|refreshers|newest|accounts|account:[^:]+|leases:expired|private|refresh|usable|vault|routes|tickets(:ours)?|changed"
    r"|changes|gone|drift|schema|epoch|due:.+|turns|alerts(:active)?"
    r"|route:.+:(members|ready:-?\d+|priorities|turns|full|pending|cooling)"
)
"""Keys that stay, of accounts, of clients, and of what operators see; every other one has to expire."""
EMPTY: Final = re.compile(r"leases|route:.+:(queue|called)|ticket:.*|chats.*")
"""Keys of running and of waiting requests, and of the chats that they have left."""

STANDING: Final = Counter(
    {
        "Follower.run": 2,
        "Pool.run": 1,
        "_relay": 2,
        "Pool.hold": 1,
        "Ledger.run": 1,
        "WaitingRoom.run": 1,
        "_deliver": 1,
        "main": 1,
    }
)
"""The greenlets of a worker at rest, by what they run."""
SERVING: Final = "_handle_and_close_when_done"
"""The greenlet of a connection that a client keeps open."""

_FILES = re.compile(
    r"/dev/null|/.*/kimi-gateway-[0-9a-f]+/.*|/.*wgunicorn-.*|.*\.log|anon_inode:.*|pipe:.*|/dev/u?random"
)
_ESTABLISHED, _CLOSE_WAIT = 1, 8


def wait_for_rest(
    stack: Stack, seconds: float = REST_SECONDS, *, meanwhile: Callable[[Stack], object] = lambda _: None
) -> None:
    """Returns when nothing is left. Raises AssertionError that says what is, when it is there for too long."""
    found: list[str] = []

    def clean() -> bool:
        meanwhile(stack)
        found[:] = complaints(stack)
        return not found

    with suppress(TimeoutError):
        until(clean, seconds=seconds)
    assert not found, "left behind: " + "; ".join(found)


def check_all() -> None:
    """Look at every stack that is running, those of other tests in this process too."""
    for stack in STARTED:
        if stack.simulator.running and stack.is_clean:
            stack.simulator.forget_faults()
            wait_for_rest(stack, meanwhile=make_due)


def make_due(stack: Stack) -> None:
    """Let the refresher sweep at once what it would sweep, or sweep again, within a minute."""
    if stack.valkey.process is not None:
        with connect(stack.valkey.url, timeout=ANSWER_SECONDS) as client:
            chats: Any = client.zrange(f"{PREFIX}chats", 0, -1)
            if chats:
                client.zadd(f"{PREFIX}chats", dict.fromkeys(chats, 1), xx=True)


def complaints(stack: Stack) -> list[str]:
    """All that is left at this moment."""
    totals = stack.simulator.state()["totals"]
    found = list(_in_simulator(stack, totals))
    if stack.valkey.process is not None:
        found += _in_redis(stack.valkey.url)
    for process in (*stack.gateways, *stack.refreshers):
        if process.log.exists() and "Traceback (most recent call last)" in process.said:
            found.append(f"a traceback in {process.log.name}: {process.said.partition('Traceback')[2][:1500]}")
    calls = 2 * totals.get("peak_streams", 0) + 8  # every stream and a deletion beside it
    for gateway in stack.gateways:
        if gateway.running:
            found += [f"{gateway.name}: {what}" for what in _in_gateway(gateway, stack, calls)]
    return found


def _in_simulator(stack: Stack, totals: dict[str, Any]) -> Iterator[str]:
    if totals.get("open_streams"):
        yield f"{totals['open_streams']} streams at the upstream"
    if totals.get("chats_alive", 0) > stack.orphans and stack.deletes_chats:
        yield f"{totals['chats_alive']} chats at the upstream"


def _in_redis(url: str) -> Iterator[str]:
    with connect(url, timeout=ANSWER_SECONDS) as client:
        for key in client.scan_iter(PREFIX + "*", count=1000):
            name = key.removeprefix(PREFIX)
            if EMPTY.fullmatch(name):
                yield f"{name} in Redis"
            elif client.ttl(key) == -1 and not LASTING.fullmatch(name):
                yield f"the key {name} in Redis, which never expires"
            elif name.startswith("account:") and (count := client.hget(key, "in_flight")) not in (None, "0"):
                yield f"{count} requests of {name} in Redis"


def _in_gateway(gateway: Gateway, stack: Stack, calls: int) -> Iterator[str]:
    simulator_port = int(stack.simulator.url.rpartition(":")[2])
    for pid in gateway.workers():
        targets = list(_descriptors(pid))
        sockets = {int(target[8:-1]) for target in targets if target.startswith("socket:[")}
        strange = [target for target in targets if not target.startswith("socket:[") and not _FILES.fullmatch(target)]
        kinds: Counter[str] = Counter()
        clients = 0
        for local, remote, state in _connections(pid, sockets):
            if local == gateway.port:
                clients += state == _ESTABLISHED
                kinds["clients that have left"] += state == _CLOSE_WAIT
            else:
                kinds["the upstream" if remote == simulator_port else "Redis"] += 1
        allowed = {"clients that have left": 0, "the upstream": calls, "Redis": REDIS_CONNECTIONS}
        yield from (f"worker {pid} has {target} open" for target in strange)
        yield from (
            f"worker {pid} has {count} connections to {kind}, where {allowed[kind]} would do"
            for kind, count in kinds.items()
            if count > allowed[kind]
        )
        with suppress(ProcessLookupError):
            running = Counter(inside.greenlets(pid, stack.directory))
            for name, count in (running - STANDING - Counter({SERVING: clients})).items():
                yield f"worker {pid} runs {count} greenlets of {name} too many"


def _descriptors(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError):  # a worker that has just ended has none
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                yield str(Path(entry.path).readlink())


def _connections(pid: int, sockets: set[int]) -> Iterator[tuple[int, int, int]]:
    """Local port, remote port and state of the TCP sockets with those inodes."""
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if int(words[9]) in sockets:
                yield int(words[1][-4:], 16), int(words[2][-4:], 16), int(words[3], 16)
