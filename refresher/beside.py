"""What goes on beside the worker, on threads of its own: hearing what others did, keeping locks, reading files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import structlog

from kimi.errors import Garbled, StoreUnavailable
from kimi.pool import Signals, TokenStore
from kimi.pool.signals import WAKE
from kimi.pool.tokens import LOCK_SECONDS
from refresher.memory import Memory
from refresher.stopping import Stop
from refresher.worker import GARBLED

log = structlog.stdlib.get_logger("refresher")
P = ParamSpec("P")
T = TypeVar("T")


class Aside(Executor):
    """Runs each call on a thread of its own, which holds up nobody's end: it may read from a disk that hangs."""

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin at once."""
        future = Future[T]()

        def run() -> None:
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, name="aside", daemon=True).start()
        return future


@contextmanager
def relaying(signals: Signals, wake: Callable[[], None], memory: Memory, stop: Stop) -> Iterator[None]:
    """Have a thread `relay` from now on, which ends with the process: it may be waiting for a message."""
    threading.Thread(target=relay, args=(signals, wake, memory, stop), name="wake", daemon=True).start()
    yield


def relay(signals: Signals, wake: Callable[[], None], memory: Memory, stop: Stop) -> None:
    """Hear what others did, until `stop` is set: `wake` where some may have become due, look at those that died."""
    is_behind = False  # some may have died unheard
    for name in signals.listen(WAKE):
        if stop.is_set():
            return
        is_behind = is_behind or name is None
        if name != "":
            wake()
        try:
            if is_behind:
                memory.look_at_all()
                is_behind = False
            elif name:
                memory.look(name)
        except Garbled as error:
            log.error(GARBLED, account=name, error=str(error))  # noqa: TRY400
        except StoreUnavailable as error:
            is_behind = True
            log.debug("looking at dead accounts waits for the store", error=str(error))


@contextmanager
def prolonging(tokens: TokenStore, *, every: float = LOCK_SECONDS / 3) -> Iterator[None]:
    """Keep the locks of running exchanges from expiring while the block runs."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(every):
            try:
                tokens.prolong()
            except StoreUnavailable as error:
                log.warning("locks were not prolonged", error=str(error))

    keeper = threading.Thread(target=keep, name="locks")
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
