"""What goes on beside the worker, on threads of its own: hearing what others did, and keeping locks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from kimi.errors import StoreUnavailable
from kimi.pool import Signals, TokenStore
from kimi.pool.signals import WAKE
from kimi.pool.tokens import LOCK_SECONDS
from refresher.memory import Memory
from refresher.stopping import Stop

log = structlog.stdlib.get_logger("refresher")


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
