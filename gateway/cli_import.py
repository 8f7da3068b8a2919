"""`accounts import`: takes accounts over from whatever form they are in, and says what it took and what it refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click

from gateway.cli_program import as_json_option
from gateway.cli_taking import tell, text_of
from kimi import accounts_append, accounts_file
from kimi.account_forms import AccountsError, entries
from kimi.accounts import ConfiguredAccount, Kind
from kimi.operating.intake import Holder, Intake, Taken
from kimi.settings import DEFAULT_ACCOUNTS_FILE, CommonSettings, load
from kimi.startup import reporting


@click.command("import")
@click.argument("file")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="The kind of what is written without one; KIMI_KIND if it is not given.",
)
@as_json_option
def import_accounts(file: str, kind: str | None, *, as_json: bool) -> None:
    """Add accounts to the accounts file.

    They are read from FILE, or from standard input where that is -. The refresher reads the accounts file again within
    seconds; the demo of ./dev up, which has accounts of its own, has to be stopped and ./dev up started again.
    `accounts add` takes accounts into the pool without any file.

    FILE may be an accounts file, reverse-kimi's config.json, a dump of the site's localStorage, a JSON list of such
    objects, or a list of tokens, in JSON or one a line.

    It changes that file and nothing else, so that the audit log, which tells what was done to the pool, is silent.
    """
    with reporting("accounts"):
        settings = load(CommonSettings)
    target = settings.kimi_accounts_file or DEFAULT_ACCOUNTS_FILE
    try:
        text, source = text_of(file)
        taken, members = _taken(text, source, target, settings, Kind(kind) if kind else settings.kimi_kind)
    except AccountsError as error:
        click.echo(f"accounts: {error}", err=True)
        sys.exit(1)
    tell(text, taken, "took", f"{len(members)} written to {target}", as_json=as_json)


def _taken(
    text: str, source: str, target: Path, settings: CommonSettings, kind: Kind
) -> tuple[list[Taken], list[ConfiguredAccount]]:
    """What is told of each entry, and those that were written to `target`. Raises `AccountsError`."""
    old = accounts_file.read_text(target) if target.exists() else ""
    intake = Intake.beside(map(Holder.of, _known(old, str(target), settings)), time.time())
    told: list[Taken] = []
    members: list[ConfiguredAccount] = []
    for entry in entries(text, source, kind):
        taken, member = intake.consider(entry)
        told.append(taken)
        if member is not None:
            intake.take(Holder.of(member))
            members.append(member)
    if members:
        accounts_append.write(target, accounts_append.appended(old, members, str(target), settings.kimi_kind))
    return told, members


def _known(text: str, source: str, settings: CommonSettings) -> list[ConfiguredAccount]:
    try:
        bare: Iterable[ConfiguredAccount] = accounts_file.from_tokens(settings.kimi_refresh_tokens, settings.kimi_kind)
    except ValueError as error:
        raise AccountsError(f"KIMI_REFRESH_TOKENS: {error}") from None
    return [*accounts_file.parse(text, source, settings.kimi_kind), *bare]
