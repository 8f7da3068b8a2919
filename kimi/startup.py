"""How a process ends that cannot start: one message on stderr, exit code 2, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from kimi.errors import StoreUnavailable

EXIT_CODE = 2


class StartError(Exception):
    """The process cannot start as it is configured. `str()` is what the operator reads; it contains no secret."""


@contextmanager
def reporting(program: str) -> Generator[None]:
    """Turn what keeps `program` from starting into one message on stderr and `SystemExit(2)`.

    Meant for `StartError` and its kin and for a store that does not answer; every other exception passes, because it
    is a mistake of ours and its traceback is wanted.
    """
    try:
        yield
    except (StartError, StoreUnavailable) as error:
        sys.stderr.write(f"{program}: {error}\n")
        raise SystemExit(EXIT_CODE) from None
