"""`alerts`: what is wrong now, and whether the operator would hear of it."""

from __future__ import annotations

import time
from typing import Final

import click
import orjson

from gateway.cli_program import as_json_option
from gateway.cli_store import opened
from gateway.tables import span, table
from kimi.alerts.destinations import Trial, deliver_test, destinations
from kimi.alerts.now import active
from kimi.settings import CommonSettings, load
from kimi.startup import reporting

NOTHING: Final = "Nothing is wrong."
NOWHERE: Final = "Alerts go nowhere: set ALERT_WEBHOOK_URL or ALERT_URLS, see docs/alerts.md."


@click.group()
def alerts() -> None:
    """What the operator is told of without looking."""


@alerts.command("list")
@as_json_option
def list_alerts(*, as_json: bool) -> None:
    """Show what is wrong now."""
    with opened("alerts") as (settings, store):
        wrong = active(store, settings.alert_language)
    now = time.time()
    if as_json:
        for each in wrong:
            click.echo(orjson.dumps(each))
    elif wrong:
        rows = [(each["rule"], f"{span(max(now - each['since'], 0.0))} ago", each["message"]) for each in wrong]
        click.echo(table([("RULE", "SINCE", "WHAT"), *rows]))
    else:
        click.echo(NOTHING)


@alerts.command()
@as_json_option
def test(*, as_json: bool) -> None:
    """Send a message to every destination, and tell what came of it.

    Exit code 1 when one has not arrived, or when there is no destination.
    """
    with reporting("alerts"):
        settings = load(CommonSettings)
    trials = deliver_test(destinations(settings), at=time.time(), language=settings.alert_language)
    if not trials and not as_json:
        raise click.ClickException(NOWHERE)
    trials = trials or [Trial("", ok=False, message=NOWHERE)]
    if as_json:
        for trial in trials:
            click.echo(orjson.dumps(trial))
    else:
        rows = [(trial.destination, "yes" if trial.ok else "no", trial.message) for trial in trials]
        click.echo(table([("DESTINATION", "ARRIVED", "WHAT CAME OF IT"), *rows]))
    if not all(trial.ok for trial in trials):
        raise SystemExit(1)
