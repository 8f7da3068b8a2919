"""`drift`: what Kimi says that this release does not know."""

from __future__ import annotations

import time
from typing import Final

import click
import orjson

from gateway.cli_program import as_json_option
from gateway.cli_store import opened
from gateway.tables import span, table
from kimi.pool.drift import DriftBook
from kimi.upstreams.drift import Sighting

NOTHING: Final = "Kimi has said nothing that this release does not know."
ADVICE: Final = """\
Kimi has changed. What is listed was passed over; an answer that could have lost something by it ended in an error.
Look for a newer release, or report it with this table and a recording: ./dev capture --account NAME -o capture.jsonl
Once it is dealt with, `drift --clear` empties the list."""
_HEAD: Final = ("KIND", "WHAT", "NAME", "TIMES", "FIRST", "LATEST", "SHAPE")


@click.command()
@as_json_option
@click.option("--clear", is_flag=True, help="Forget all of it.")
def drift(*, as_json: bool, clear: bool) -> None:
    """Show what Kimi says that this release does not know."""
    with opened("drift") as (_, store):
        book = DriftBook(store)
        forgotten = book.clear() if clear else 0
        seen = book.all()
    now = time.time()
    if clear:
        click.echo(orjson.dumps({"forgotten": forgotten}) if as_json else f"{forgotten} forgotten.")
    elif as_json:
        for each in seen:
            click.echo(orjson.dumps(each))
    elif seen:
        click.echo(f"{table([_HEAD, *(_row(each, now) for each in seen)])}\n\n{ADVICE}")
    else:
        click.echo(NOTHING)


def _row(seen: Sighting, now: float) -> tuple[str, ...]:
    ago = [f"{span(max(now - when, 0.0))} ago" for when in (seen.first, seen.last)]
    return (seen.kind.value, seen.what, seen.name, str(seen.count), *ago, seen.shape)
