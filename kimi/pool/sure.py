"""Scripts whose writes must not be lost with a server."""

from __future__ import annotations

from typing import Any

from kimi.pool.store import Store, to_ms


def run_surely(store: Store, name: str, *args: str | float) -> Any:
    """As `Store.run`, and what was written is with the replicas that the store asks for.

    Raises `StoreUnavailable`, also where that is not sure: the script may have run then.
    """
    return _run(store, name, args)[0] if store.replicas.wanted else store.run(name, *args)


def run_durably(store: Store, disk_seconds: float, name: str, *args: str | float) -> tuple[Any, object]:
    """As `run_surely`, and what was written is on disk, for which it waits so many seconds.

    What `WAITAOF` has answered stands beside the answer.
    """
    answer, *rest = _run(store, name, args, disk_seconds=disk_seconds)
    return answer, rest[-1]


def _run(store: Store, name: str, args: tuple[str | float, ...], *, disk_seconds: float = 0.0) -> list[Any]:
    keys, argv = store.arguments(*args)
    with store.guarded() as redis:
        # One connection for all: each waits for the writes of its own connection only.
        pipe = redis.pipeline(transaction=False)
        store.script(name)(keys=keys, args=argv, client=pipe)
        if store.replicas.wanted:
            store.replicas.ask(pipe)
        if disk_seconds:
            pipe.execute_command("WAITAOF", 1, 0, to_ms(disk_seconds))
        answers: list[Any] = pipe.execute(raise_on_error=False)
        if isinstance(answers[0], Exception):
            raise answers[0]
    if store.replicas.wanted:
        store.replicas.judge(answers[1])
    return answers
