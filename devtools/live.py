"""`./dev test --live`: a small suite against the real service, with an account of whoever runs it.

Kimi changes without a word; this finds the step that no longer works. It never runs by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from devtools import configuration
from devtools.environment import data_folder
from devtools.live_steps import STEPS, Failed, Live, Skipped, Step
from devtools.live_token import Credential
from devtools.saying import Trouble, complain, say
from kimi.errors import KimiError
from kimi.http import Transport
from kimi.settings import CommonSettings, SettingsError, load

_NEEDED: Final = "exchange"
"""Nothing can be tried without it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try; returns the exit code, 1 when a step has failed."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="./dev test --live", description="Try the real service, step by step.")
    parser.add_argument("--only", action="append", choices=names, help="may be given several times")
    wanted = parser.parse_args(arguments).only or names
    try:
        root = Path.cwd()
        credential = Credential.of(configuration.read(root, os.environ), data_folder(root))
        live = Live(credential, load(CommonSettings).endpoints, Transport())
        return 1 if failed(live, {*wanted, _NEEDED, "delete"}) else 0
    except (Trouble, SettingsError) as trouble:
        complain(trouble if isinstance(trouble, Trouble) else Trouble(str(trouble)))
        return 1


def failed(live: Live, wanted: Collection[str]) -> list[str]:
    """Goes through the steps that are wanted, and tells of each; the names of those that failed."""
    say(f"trying {live.line.host(live.account)} with an account of kind {live.account.kind.value}")
    bad: list[str] = []
    for step in (step for step in STEPS if step.name in wanted):
        if not _passes(step, live):
            bad.append(step.name)
            if step.name == _NEEDED:
                break
    for seen in live.line.drift.take():
        say(f"unknown   {seen.what} {seen.name}: {seen.shape}")
    say(f"failed: {', '.join(bad)}" if bad else "everything works")
    return bad


def _passes(step: Step, live: Live) -> bool:
    try:
        note = step.run(live)
    except Skipped as why:
        say(f"{step.name:9} skipped  {why}")
    except (KimiError, Failed) as error:
        named = type(error).__name__ if isinstance(error, KimiError) else ""
        say(f"{step.name:9} FAILED   {': '.join(filter(None, (named, str(error))))}\n{'':19}{step.advice}")
        return False
    else:
        say(f"{step.name:9} ok       {note}")
    return True


if __name__ == "__main__":
    sys.exit(main())
