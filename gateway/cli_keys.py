"""`keys`: the keys of clients that are created while the gateway runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click
import orjson

from gateway.cli_limits import NONE, Count
from gateway.cli_program import WHO, as_json_option
from gateway.cli_store import opened
from gateway.tables import span, table
from kimi.operating.audit import Audit
from kimi.operating.client_keys import described, in_words
from kimi.pool import Store
from kimi.pool.client_terms import LIMITS, ClientRefused, changes_from, limits_from
from kimi.pool.clients import Client, Clients, NoSuchClient
from kimi.pool.figures import NO_TALLY, Figures, Tally
from kimi.redaction import redact

SHOWN_ONCE: Final = "This is the key of {name}. It is shown this once: Redis keeps its SHA-256 and how it begins."
NOTHING: Final = "No keys have been created: `keys create NAME` does. Those of GATEWAY_API_KEYS are not listed here."
_HEAD: Final = ("NAME", "KEY", "LIMITS", "REQUESTS", "TOKENS", "LAST USED", "STATE")
_Command = TypeVar("_Command", bound=Callable[..., object])


class _Models(click.ParamType[Any]):
    """Names of models as they are typed."""

    name = "a,b*|none"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> Any:
        """The names, or the word for all of them."""
        return value if value == NONE else tuple(each.strip() for each in value.split(","))


def _limit_options(command: _Command) -> _Command:
    """The options of all limits; what is not given is None."""
    options = (
        click.option("--requests-per-minute", type=Count(), help="Requests in any 60 seconds."),
        click.option("--tokens-per-day", type=Count(), help="Tokens, of questions and answers, in a day of UTC."),
        click.option("--concurrent", type=Count(), help="Requests at the same time."),
        click.option("--models", type=_Models(), help="Models it may ask for; `kimi*` is all that begin so."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def keys() -> None:
    """The keys of clients."""


@keys.command("list")
@as_json_option
def list_keys(*, as_json: bool) -> None:
    """Show every key, its limits and what it did today. Revoked ones are shown for 90 days."""
    with _redis() as store:
        clients, tallies = Clients(store).all(), Figures(store).tally_of_clients()
    rows = [(client, tallies.get(client.id, NO_TALLY)) for client in clients]
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(described(*row)))
    elif rows:
        now = time.time()
        click.echo(table([_HEAD, *(_row(*row, now) for row in rows)]))
    else:
        click.echo(NOTHING)


@keys.command()
@click.argument("name")
@_limit_options
@as_json_option
def create(name: str, *, as_json: bool, **limits: Any) -> None:
    """Create a key called NAME. The key alone goes to standard output, so that it can be piped."""
    with _redis() as store:
        created = Clients(store).create(name, limits_from(_given(limits)))
        client = created.client
        click.echo(SHOWN_ONCE.format(name=client.name), err=True)
        click.echo(orjson.dumps({"key": created.key, **described(client)}) if as_json else created.key)
        Audit(store).note(WHO, "create key", client.name, in_words(client.limits))


@keys.command()
@click.argument("key")
@click.option("--name", help="Another name.")
@_limit_options
@as_json_option
def edit(key: str, *, name: str | None, as_json: bool, **limits: Any) -> None:
    """Change a key.

    KEY is its name or its id. What is not named stays, `none` or 0 takes a limit away.
    """
    given = _given(limits)
    if name is None and not given:
        raise click.UsageError("nothing to change: give a name, or at least one of the limits")
    with _redis() as store:
        clients = Clients(store)
        was = _find(clients, key)
        client = clients.edit(was.id, name=name, limits=changes_from(given))
        subject = was.name if was.name == client.name else f"{was.name} → {client.name}"
        Audit(store).note(WHO, "edit key", subject, in_words(client.limits))
    _tell(client, f"{client.name}: {in_words(client.limits) or 'no limits'}.", as_json=as_json)


@keys.command()
@click.argument("key")
@as_json_option
def revoke(key: str, *, as_json: bool) -> None:
    """Revoke a key.

    KEY is its name or its id. Within about a second it opens nothing; running answers end as they would.
    """
    with _redis() as store:
        clients = Clients(store)
        client = clients.revoke(_find(clients, key).id)
        Audit(store).note(WHO, "revoke key", client.name)
    _tell(client, f"{client.name} is revoked.", as_json=as_json)


@contextmanager
def _redis() -> Iterator[Store]:
    """What the settings lead to. What is refused meanwhile is one line and exit code 1."""
    with opened("keys") as (_, store):
        try:
            yield store
        except (ClientRefused, NoSuchClient) as error:
            raise click.ClickException(str(error)) from None


def _find(clients: Clients, key: str) -> Client:
    """The key of that id, or the one that has that name now. Raises `NoSuchClient`."""
    named = [client for client in clients.all() if key in {client.id, client.name}]
    for client in named:
        if client.id == key or client.revoked is None:
            return client
    if named:
        raise NoSuchClient(f"There is no key named {key} any more: it was revoked.")
    raise NoSuchClient(f"There is no key named {redact(key)}.")  # it could be the key itself


def _given(limits: dict[str, Any]) -> dict[str, Any]:
    """Those that were typed, as JSON would have them."""
    typed = {name: limits[name] for name in LIMITS if limits[name] is not None}
    return {name: None if value in (0, NONE) else value for name, value in typed.items()}


def _tell(client: Client, text: str, *, as_json: bool) -> None:
    click.echo(orjson.dumps(described(client)) if as_json else text)


def _row(client: Client, today: Tally, now: float) -> tuple[str, ...]:
    return (
        client.name,
        f"{client.prefix}…",
        in_words(client.limits) or "none",
        str(today.requests),
        str(today.prompt_tokens + today.completion_tokens),
        f"{span(max(now - today.last_used, 0.0))} ago" if today.last_used else "",
        f"revoked {span(max(now - client.revoked, 0.0))} ago" if client.revoked else "good",
    )
