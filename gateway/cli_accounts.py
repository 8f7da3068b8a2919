"""`accounts`: looking at the accounts of the pool, adding to them, and writing them down elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import orjson

from gateway.cli_act import clear, delete, edit, pause, refresh, resume, test
from gateway.cli_import import import_accounts
from gateway.cli_program import WHO, as_json_option
from gateway.cli_store import opened
from gateway.cli_taking import tell, text_of
from gateway.tables import span, table
from kimi import accounts_append
from kimi.account_forms import AccountsError
from kimi.accounts import Kind, Origin, Record
from kimi.errors import StoreUnavailable
from kimi.operating.accounts import Accounts, NoSuchAccount, Refused
from kimi.operating.audit import Audit
from kimi.operating.describing import described, reason_of, state_of
from kimi.operating.intake import Outcome
from kimi.operating.noting import added, listed
from kimi.pool import Store
from kimi.pool.drift import DriftBook
from kimi.pool.figures import NO_TALLY, Figures, Tally
from kimi.settings import CommonSettings

NOTHING: Final = (
    "There are no accounts: `accounts add` takes some into the pool; or write them to accounts.yaml or"
    " KIMI_REFRESH_TOKENS, and start the refresher."
)
_HEAD: Final = ("NAME", "KIND", "STATE", "TOKEN", "IN USE", "TODAY", "WHY")
_ORIGINS: Final[Mapping[Origin, str]] = {Origin.FILE: "", Origin.OPERATOR: " (added)", Origin.CLIENT: " (a client's)"}
_KINDS: Final = click.Choice([kind.value for kind in Kind])


@click.group()
def accounts() -> None:
    """The accounts of the pool.

    Those of the accounts file stand there, and `import` writes to it; `add` takes others into the pool while it runs.
    """


for _command in (import_accounts, test, refresh, pause, resume, clear, edit, delete):
    accounts.add_command(_command)


@accounts.command("list")
@as_json_option
def list_accounts(*, as_json: bool) -> None:
    """Show every account and its state."""
    with opened("accounts") as (_, store):
        records, tallies, unknown = Accounts(store).all(), Figures(store).tallies(), DriftBook(store).all()
    now = time.time()
    if as_json:
        for record in records:
            click.echo(orjson.dumps(described(record, now, tallies.get(record.account.name))))
    elif records:
        rows = (row(record, now, tallies.get(record.account.name, NO_TALLY)) for record in records)
        click.echo(table([_HEAD, *rows]))
        if unknown:
            click.echo(f"\nKimi has changed: {len(unknown)} of the things it says are not known here, see ./dev drift.")
    else:
        click.echo(NOTHING)


@accounts.command()
@click.argument("file", default="-")
@click.option("--kind", type=_KINDS, help="The kind of what is written without one; KIMI_KIND if it is not given.")
@as_json_option
def add(file: str, kind: str | None, *, as_json: bool) -> None:
    """Take accounts into the pool at once.

    They are read from FILE, or from standard input if there is none. FILE may be an accounts file, reverse-kimi's
    config.json, a dump of the site's localStorage, a JSON list of such objects, or a list of tokens, in JSON or one a
    line. What is added stands in Redis alone, and the refresher enters it again should Redis lose it; `accounts import`
    writes to the accounts file instead.

    A token takes the place of the one of an account of the same login that was added before and is dead or banned, and
    so does an entry with its name: the rest of the account stays.
    """
    with _taking() as (settings, store):
        text, source = text_of(file)
        taken = Accounts(store).add(text, Kind(kind) if kind else settings.kimi_kind, source)
        if entry := added(taken):
            Audit(store).note(WHO, "add", *entry)
    count = sum(each.outcome is Outcome.ADDED for each in taken)
    tell(text, taken, "added", f"{count} added", as_json=as_json)


@accounts.command()
@click.argument("names", nargs=-1)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Only you can read this file.")
def export(names: Sequence[str], output: Path | None) -> None:
    """Write an accounts file.

    It holds the accounts with NAMES, or all if there are none, with the newest of their tokens. Each token is good for
    one refresh: what is exported is old once the refresher has done the next one.

    It is noted in the audit log first; where Redis takes no writes it is done all the same, and that is said.

    Exit code 1 where accounts are left out because no key opens them.
    """
    if output == Path("-"):  # as everywhere
        output = None
    if output is None and sys.stdout.isatty():
        raise click.UsageError("tokens are not shown on a terminal: give a file with -o, or a pipe")
    with _taking() as (_, store):
        exported = Accounts(store).export(names or None)
        try:
            Audit(store).note(WHO, "export", listed(names) or "all accounts")
        except StoreUnavailable as error:  # it may be wanted just then
            click.echo(f"accounts: not noted in the audit log: {error}", err=True)
        if output is not None:
            accounts_append.write(output, exported.text, mode=0o600)
    if output is None:
        click.echo(exported.text, nl=False)
    else:
        click.echo(f"Written to {output}: it holds secrets.", err=True)
    if exported.left:
        click.echo(f"accounts: no key of TOKEN_ENCRYPTION_KEYS opens {', '.join(exported.left)}: left out", err=True)
        sys.exit(1)


@contextmanager
def _taking() -> Iterator[tuple[CommonSettings, Store]]:
    """What the settings lead to. What cannot be done meanwhile is one line and exit code 1."""
    with opened("accounts", checks=True) as found:
        try:
            yield found
        except (AccountsError, NoSuchAccount, Refused) as error:
            click.echo(f"accounts: {error}", err=True)
            sys.exit(1)


def row(record: Record, now: float, today: Tally) -> tuple[str, ...]:
    """An account as a line of the table."""
    account = record.account
    rests = record.cool_until - now
    resting = f"rests for {rests:.0f} s: {record.cool_reason}" if rests > 0 else ""
    failing = f"{record.failures} refreshes failed" if record.failures else ""
    return (
        account.name,
        f"{account.kind.value}{_ORIGINS[record.origin]}",
        state_of(record),
        _token(record, record.access_expires - now),
        f"{record.in_flight}/{account.max_concurrency}",
        f"{today.requests}" + (f", {today.errors} failed" if today.errors else ""),
        "; ".join(filter(None, (resting, failing, reason_of(record, now)))),
    )


def _token(record: Record, left: float) -> str:
    if left <= 0:
        return "none"
    return span(left) if record.account.kind.is_web else "API key"
