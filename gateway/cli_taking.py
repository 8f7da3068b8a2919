"""What `accounts add` and `accounts import` say of what they are given."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from kimi import accounts_file
from kimi.operating.intake import Outcome, Taken

_STDIN: Final = "-"


def text_of(file: str) -> tuple[str, str]:
    """What stands in `file`, and what that is called in messages. Raises `AccountsError`."""
    if file != _STDIN:
        return accounts_file.read_text(Path(file)), file
    if sys.stdin.isatty():
        click.echo("Paste accounts or tokens, then press Ctrl-D on a line of its own.", err=True)
    return sys.stdin.read(), "standard input"


def line(taken: Taken, added: str) -> str:
    """What became of one entry, as a line; `added` is the word for one that was taken."""
    if taken.outcome is Outcome.ADDED:
        return f"{added:8} {taken.name}: {taken.message}"
    word = "skipped" if taken.outcome is Outcome.KNOWN else "refused"
    return f"{word:8} {taken.place}: {taken.message}"


def summary(taken: Iterable[Taken], done: str) -> str:
    """The last line."""
    refused = sum(each.outcome is Outcome.REFUSED for each in taken)
    return f"{done}, {refused} refused."
