"""The command line: `python -m gateway.cli`, or `./dev accounts …` and `./dev drift` on a machine that runs `./dev up`.

It talks to Redis only, or to the accounts file, reads the same settings as the processes, and never shows a secret.
"""

from __future__ import annotations

import time

import click
import orjson

from gateway.cli_alerts import alerts
from gateway.cli_drift import drift
from gateway.cli_import import import_accounts
from gateway.cli_keys import keys
from gateway.tables import span, table
from kimi.accounts import Record, State
from kimi.pool import Members, Store, connect
from kimi.pool.drift import DriftBook
from kimi.settings import CommonSettings, load
from kimi.startup import reporting

_HEAD = ("NAME", "KIND", "STATE", "TOKEN", "IN USE", "WHY")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look into a running gateway."""


main.add_command(alerts)
main.add_command(drift)
main.add_command(keys)


@main.group()
def accounts() -> None:
    """The accounts of the pool."""


accounts.add_command(import_accounts)


@accounts.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def list_accounts(*, as_json: bool) -> None:
    """Show every account, its state and why it is in it."""
    with reporting("accounts"), connect(load(CommonSettings).redis_url) as redis:
        records, unknown = Members(Store(redis)).all(), DriftBook(Store(redis)).all()
    now = time.time()
    if as_json:
        for record in records:
            click.echo(orjson.dumps(described(record, now)))
    elif records:
        click.echo(table([_HEAD, *(row(record, now) for record in records)]))
        if unknown:
            click.echo(f"\nKimi has changed: {len(unknown)} of the things it says are not known here, see ./dev drift.")
    else:
        click.echo(
            "There are no accounts: put some into accounts.yaml or KIMI_REFRESH_TOKENS, and start the refresher."
        )


def described(record: Record, now: float) -> dict[str, object]:
    """What is known of an account, without its secrets. Durations are in seconds."""
    account = record.account
    return {
        "name": account.name,
        "kind": account.kind.value,
        "state": state_of(record),
        "reason": record.reason,
        "token_seconds": round(max(record.access_expires - now, 0.0)),
        "in_flight": record.in_flight,
        "max_concurrency": account.max_concurrency,
        "resting_seconds": round(max(record.cool_until - now, 0.0)),
        "resting_reason": record.cool_reason if record.cool_until > now else "",
        "refresh_failures": record.failures,
        "weight": account.weight,
        "priority": account.priority,
        "private": bool(account.owner),
    }


def row(record: Record, now: float) -> tuple[str, ...]:
    """The same as a line of the table."""
    known = described(record, now)
    left = record.access_expires - now
    resting = f"rests for {known['resting_seconds']} s: {known['resting_reason']}" if record.cool_until > now else ""
    waiting = f"{record.failures} refreshes failed" if record.failures else ""
    return (
        record.account.name,
        f"{record.account.kind.value} (a client's)" if record.account.owner else record.account.kind.value,
        state_of(record),
        _token(record, left),
        f"{record.in_flight}/{record.account.max_concurrency}",
        record.reason or resting or waiting,
    )


def _token(record: Record, left: float) -> str:
    if left <= 0:
        return "none"
    return span(left) if record.account.kind.is_web else "API key"


def state_of(record: Record) -> str:
    """The state in a word; an account that the operator took out is kept, but serves no more."""
    if not record.configured:
        return "removed"
    return "refreshing" if record.rejected and record.state is State.ACTIVE else record.state.value


if __name__ == "__main__":
    main(prog_name="python -m gateway.cli")
