"""Scripts whose writes must not be lost with a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kimi.pool.masters import Asked
from kimi.pool.replicas import WAIT_MS, Attached
from kimi.pool.store import Store, to_ms


def run_replicated(store: Store, name: str, *args: str | float) -> Any:
    """As `Store.run`, and what was written is with the replicas that the store asks for.

    Raises `StoreUnavailable`, also where that is not sure: the script may have run then.
    """
    return _run(store, name, args)[0] if store.replicas.are_wanted else store.run(name, *args)


def run_replicated_on_disk(store: Store, seconds: float, name: str, *args: str | float) -> tuple[Any, object]:
    """As `run_replicated`, and what was written is on the master's disk, for which it waits so many seconds.

    What `WAITAOF` has answered stands beside the answer.
    """
    return _run(store, name, args, disk_seconds=seconds)


def probe_replicas(store: Store) -> str:
    """What replicas lack that is written just now, empty where they lack nothing or nobody asks them.

    Raises `StoreUnavailable`, also where nothing would count as stored.
    """
    if store.replicas.are_wanted:
        _replicated(store, lambda pipe: pipe.set(store.key("probe"), "", px=1000))
    return store.replicas.lacking


def electing(store: Store) -> Asked | None:
    """What those say who elect the master; None where nobody does. Raises `StoreUnavailable`."""
    with store.guarded():
        return store.replicas.electing()


def _run(
    store: Store, name: str, args: tuple[str | float, ...], *, disk_seconds: float | None = None
) -> tuple[Any, object]:
    keys, argv = store.arguments(*args)
    script = store.script(name)
    return _replicated(store, lambda pipe: script(keys=keys, args=argv, client=pipe), disk_seconds=disk_seconds)


def _replicated(
    store: Store, write: Callable[[Any], object], *, disk_seconds: float | None = None
) -> tuple[Any, object]:
    with store.guarded() as redis:
        # One connection for all: each waits for the writes of its own connection only.
        pipe = redis.pipeline(transaction=False)
        write(pipe)
        waited = store.replicas.ask(pipe) if store.replicas.are_wanted else None
        if disk_seconds is not None:
            pipe.execute_command("WAITAOF", 1, 0, to_ms(disk_seconds))
        answer, *confirmed = pipe.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
    if waited is not None:
        store.replicas.judge(waited, confirmed[0], partial(_attached, store), confirmed[1])
    return answer, confirmed[-1]


def _attached(store: Store, count: int) -> Attached:
    """Which replicas have all that was written before this was called; so many of them are waited for."""
    with store.guarded() as redis:
        pipe = redis.pipeline(transaction=False)
        pipe.info("replication")
        pipe.set(store.key("probe"), "", px=1000)  # a write of this connection, without which it waits for nothing
        pipe.execute_command("WAIT", count, WAIT_MS)
        pipe.info("replication")
        before, *done, after = pipe.execute(raise_on_error=False)
        for each in done:
            if isinstance(each, Exception):
                raise each
    return Attached.told(before, after)
