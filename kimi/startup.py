"""How a process ends that cannot start: one message on stderr, exit code 2, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

from kimi.errors import Outdated, StoreUnavailable, Unreadable

EXIT_CODE = 2


class StartError(Exception):
    """The process cannot start as it is configured. `str()` is what the operator reads; it contains no secret."""


@contextmanager
def reporting(program: str) -> Generator[None]:
    """Turn what keeps `program` from starting into one message on stderr and `SystemExit(2)`.

    Meant for `StartError` and its kin and for a store that does not answer or cannot be read; every other exception
    passes, because it is a mistake of ours and its traceback is wanted.
    """
    try:
        yield
    except (StartError, Unreadable, Outdated) as error:
        _end(f"{program}: {error}")
    except StoreUnavailable as error:
        _end(f"{program}: {error}; check REDIS_URL")


def _end(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(EXIT_CODE) from None
