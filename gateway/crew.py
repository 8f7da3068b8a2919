"""The names by which the pool knows the workers, so that what a dead one held can be given back."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, MutableMapping
from typing import Final

from kimi.errors import StoreUnavailable
from kimi.pool import Leases, open_store
from kimi.pool.opening import StoreSettings

log = logging.getLogger(__name__)

_VARIABLE: Final = "KIMI_GATEWAY_CREW"


def found(environ: MutableMapping[str, str]) -> bool:
    """Names the crew in `environ`, once for a master and all its workers; whether this was the first time."""
    if environ.get(_VARIABLE):
        return False
    environ[_VARIABLE] = secrets.token_hex(6)
    return True


def worker_name(environ: Mapping[str, str], pid: int) -> str:
    """The name of the worker with that process id."""
    return f"{environ.get(_VARIABLE) or secrets.token_hex(6)}-{pid}"


def bury(settings: StoreSettings, worker: str) -> None:
    """Gives back what a worker that is gone still held. Where that fails its leases expire by themselves."""
    try:
        with open_store(settings, connections=1) as store:
            held = Leases(store).abandon(worker)
    except StoreUnavailable as error:
        log.warning("leases of a worker that is gone are left to expire: %s", error)
        return
    if held:
        log.warning("a worker is gone, its %d leases are given back", held)
