"""`accounts import`: takes accounts over from whatever form they are in, and says what it took and what it refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

import click

from gateway.cli_taking import line, summary, text_of
from kimi import accounts_append, accounts_file
from kimi.account_forms import AccountsError, client_keys_in, entries
from kimi.accounts import ConfiguredAccount, Kind
from kimi.operating.intake import Holder, Intake, Outcome
from kimi.settings import DEFAULT_ACCOUNTS_FILE, CommonSettings, load
from kimi.startup import reporting


@click.command("import")
@click.argument("file")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="The kind of what is written without one; KIMI_KIND if it is not given.",
)
def import_accounts(file: str, kind: str | None) -> None:
    """Add the accounts in FILE (- for standard input) to the accounts file.

    The refresher reads that file again within seconds. `accounts add` takes accounts into the pool without any file.

    FILE may be an accounts file, reverse-kimi's config.json, a dump of the site's localStorage, a JSON list of such
    objects, or a list of tokens, in JSON or one a line.
    """
    with reporting("accounts"):
        settings = load(CommonSettings)
    try:
        click.echo("\n".join(run(file, settings, Kind(kind) if kind else settings.kimi_kind)))
    except Refusals as some:
        click.echo(some)
        sys.exit(1)
    except AccountsError as error:
        click.echo(f"accounts: {error}", err=True)
        sys.exit(1)


class Refusals(Exception):
    """Not everything was taken; the text says all that was done."""


def run(file: str, settings: CommonSettings, kind: Kind) -> Sequence[str]:
    """Takes what can be taken; the lines that say so. Raises `AccountsError` and `Refusals`."""
    target = settings.kimi_accounts_file or DEFAULT_ACCOUNTS_FILE
    text, name = text_of(file)
    old = accounts_file.read_text(target) if target.exists() else ""
    intake = Intake.beside(map(Holder.of, _known(old, str(target), settings)), time.time())
    members, told = [], []
    for entry in entries(text, name, kind):
        taken, member = intake.consider(entry)
        told.append(taken)
        if member is not None:
            intake.take(Holder.of(member))
            members.append(member)
    if members:
        accounts_append.write(target, accounts_append.appended(old, members, str(target), settings.kimi_kind))
    lines = [line(taken, "took") for taken in told]
    lines.append(summary(told, f"{len(members)} written to {target}"))
    if client_keys_in(text):
        lines.append("What its clients send as a key was not taken over: add each `token` of it to GATEWAY_API_KEYS.")
    if not told or any(taken.outcome is Outcome.REFUSED for taken in told):
        raise Refusals("\n".join(lines))
    return lines


def _known(text: str, source: str, settings: CommonSettings) -> list[ConfiguredAccount]:
    try:
        bare: Iterable[ConfiguredAccount] = accounts_file.from_tokens(settings.kimi_refresh_tokens, settings.kimi_kind)
    except ValueError as error:
        raise AccountsError(f"KIMI_REFRESH_TOKENS: {error}") from None
    return [*accounts_file.parse(text, source, settings.kimi_kind), *bare]
