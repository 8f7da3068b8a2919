"""What `accounts add` and `accounts import` say of what they are given."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click
import orjson

from kimi import accounts_file
from kimi.account_forms import AccountsError, client_keys_in
from kimi.operating.intake import Outcome, Taken
from kimi.redaction import redact

_STDIN: Final = "-"
NO_ARGUMENT: Final = "a token is no argument, for others see those: put it into a file, or give it on standard input"
_KEYS_ARE_LEFT: Final = "What its clients send as a key was not taken over: add each `token` of it to GATEWAY_API_KEYS."


def text_of(file: str) -> tuple[str, str]:
    """What stands in `file`, and what that is called in messages. Raises `AccountsError`."""
    if file != _STDIN:
        try:
            return accounts_file.read_text(Path(file)), file
        except AccountsError:
            if "[redacted]" in redact(file):
                raise AccountsError(NO_ARGUMENT) from None
            raise
    if sys.stdin.isatty():
        click.echo("Paste accounts or tokens, then press Ctrl-D on a line of its own.", err=True)
    return sys.stdin.read(), "standard input"


def tell(text: str, taken: Sequence[Taken], word: str, done: str, *, as_json: bool) -> NoReturn:
    """Says what became of each entry of `text`, and ends: with exit code 1 where one was refused, or there was none.

    `word` is for one that was taken, `done` is said at the end, to people.
    """
    refused, known = (sum(each.outcome is which for each in taken) for which in (Outcome.REFUSED, Outcome.KNOWN))
    for each in taken:
        click.echo(orjson.dumps(each) if as_json else _line(each, word))
    if not as_json:
        skipped = f"{known} known already, " if known else ""
        click.echo(f"{done}, {skipped}{refused} refused." if taken else "There is no account in it.")
        if client_keys_in(text):
            click.echo(_KEYS_ARE_LEFT)
    sys.exit(1 if refused or not taken else 0)


def _line(taken: Taken, word: str) -> str:
    if taken.outcome is Outcome.ADDED:
        return f"{word:8} {taken.name}: {taken.message}"
    return f"{'skipped' if taken.outcome is Outcome.KNOWN else 'refused':8} {taken.place}: {taken.message}"
