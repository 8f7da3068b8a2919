"""Ports of 127.0.0.1 that no other test takes, whichever process it runs in.

A port that the system offers is anybody's again until somebody listens on it, and while what listened is restarted.
Another test's gateway that answers there is not noticed before it refuses a key.
"""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Final

_FIRST: Final = 20_000
"""Ports up from here, and below those that systems give to connections."""
_EACH: Final = 500
_SLOTS: Final = 24
_ALONE: Final = 16  # slots from here on are for those who run beside no others


def ports_of(environment: Mapping[str, str], process: int) -> range:
    """Those of `process`, which is one of several that run tests side by side or runs them all."""
    worker = re.fullmatch(r"gw(\d+)", environment.get("PYTEST_XDIST_WORKER", ""))
    slot = int(worker[1]) % _ALONE if worker else _ALONE + process % (_SLOTS - _ALONE)
    start = _FIRST + slot * _EACH
    return range(start, start + _EACH)


def _turns() -> Iterator[int]:
    ours = ports_of(os.environ, os.getpid())
    start = random.SystemRandom().randrange(_EACH)
    return cycle([*ours[start:], *ours[:start]])


_ours: Final = _turns()


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given soon."""
    for port in _ours:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("there is always one")
