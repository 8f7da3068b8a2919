"""Whether the processes would start with the settings that are found here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kimi.operating.checks import Finding, ok, problem
from kimi.pool.schema import HOLDS
from kimi.startup import StartError

_CORRECT: Final = "correct it where it stands: a setting in the environment or in .env, an account in its file"
_AWAY: Final = "check REDIS_URL"
"""How it ends what a process says of a Redis that does not answer."""


def loaded(process: str, load: Callable[[], object]) -> list[Finding]:
    """Each variable that keeps `load` from reading the settings of a process. It raises `StartError`."""
    try:
        load()
    except StartError as error:
        return _complaints(process, str(error))
    return [ok(f"settings, {process}", "are in order")]


def started(process: str, run: Callable[[], tuple[int, str]]) -> list[Finding]:
    """The same of a process that is asked itself; `run` tells its exit code, and what it said.

    That Redis does not answer, or is of another release, is what other checks tell.
    """
    code, said = run()
    said = said.strip().removeprefix(f"{process}: ")
    if code == 0:
        return [ok(f"settings, {process}", said)]
    return [] if said.endswith(_AWAY) or said.startswith(HOLDS) else _complaints(process, said)


def _complaints(process: str, said: str) -> list[Finding]:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.rstrip().endswith(":")]
    return [problem(f"settings, {process}", line, _CORRECT) for line in lines]
