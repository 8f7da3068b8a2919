"""`status`: the whole system at a glance."""

from __future__ import annotations

import click
import orjson

from gateway.cli_program import as_json_option
from gateway.cli_store import opened
from gateway.tables import span, table
from kimi.operating.status import Overview, Status
from kimi.pool.heartbeats import AT_WORK_SECONDS


@click.command()
@as_json_option
def status(*, as_json: bool) -> None:
    """Show the whole system at a glance, with --json as GET /admin/api/overview answers.

    Exit code 1 while Redis does not answer.
    """
    with opened("status", any_schema=True) as (settings, store):
        seen = Status(store, language=settings.alert_language).overview()
    click.echo(orjson.dumps(seen.described()) if as_json else table(rows(seen)))
    if not seen.redis.up:
        raise SystemExit(1)


def rows(seen: Overview) -> list[tuple[str, str]]:
    """What there is to tell, each with its heading."""
    version = str(seen.described()["version"])
    if not seen.redis.up:
        return [("release", version), ("Redis", "does not answer: `doctor` says more")]
    pool, today = seen.pool, seen.today
    states = ", ".join(f"{count} {state}" for state, count in sorted(pool.states.items()))
    expiry = "no account that serves has a good token"
    if pool.next_expiry is not None:
        expiry = f"in {span(max(pool.next_expiry - seen.now, 0.0))}"
    tokens = f"{today.prompt_tokens} tokens in, {today.completion_tokens} out"
    return [
        ("release", version),
        ("Redis", _redis(seen)),
        ("refreshers", _refreshers(seen)),
        ("accounts", f"{pool.usable} of {pool.total} usable{f': {states}' if states else ''}"),
        ("next expiry", expiry),
        ("requests", f"{pool.in_flight} running of {pool.limit} at most, {pool.waiting} waiting"),
        ("today", f"{today.requests} requests, {today.errors} errors, {tokens}"),
        *_alerts(seen),
    ]


def _alerts(seen: Overview) -> list[tuple[str, str]]:
    """One under the other: each is a sentence or several."""
    messages = [alert["message"] for alert in seen.alerts] or ["none"]
    return [("" if number else "alerts", message) for number, message in enumerate(messages)]


def _redis(seen: Overview) -> str:
    redis = seen.redis
    if redis.used_memory_bytes is None:
        return "answers, and may not be asked for more (`info`)"
    keeps = "writes to its disk" if redis.persistent else "forgets all when it stops"
    return f"{redis.server} {redis.version}, {redis.used_memory_bytes / 2**20:.1f} MB, {keeps}"


def _refreshers(seen: Overview) -> str:
    """Those that live, and for how long the others are silent."""
    alive = [name for name, age in seen.refreshers.items() if age <= AT_WORK_SECONDS]
    told = f"{len(alive)} at work: {', '.join(alive)}" if alive else "none at work"
    silent = (f"{name} silent for {span(age)}" for name, age in seen.refreshers.items() if name not in alive)
    return ", ".join((told, *silent))
