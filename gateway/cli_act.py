"""`accounts test|refresh|pause|resume|clear|edit|delete`: what is done to accounts by name, or to all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import click
import orjson

from gateway.cli_limits import Count
from gateway.cli_program import WHO, as_json_option
from gateway.cli_store import opened
from kimi.accounts import Kind, Origin, Record, State
from kimi.http import Transport
from kimi.operating.accounts import Accounts, Limits
from kimi.operating.acting import AT_ONCE, PATIENCE_SECONDS, Acting, Ask, Note, Result
from kimi.operating.audit import Audit
from kimi.operating.trial import Trials
from kimi.pool import Store
from kimi.pool.drift import DriftBook
from kimi.redaction import redact
from kimi.settings import CommonSettings
from kimi.upstreams import Upstream
from kimi.upstreams.drift import Drift
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build

_IDLE_SECONDS: Final = 20.0
_DELETION_SECONDS: Final = 10.0
_Command = TypeVar("_Command", bound=Callable[..., object])
Act = Callable[[Acting, Sequence[str], Note], Generator[Result]]
Wanted = Sequence[str] | Callable[[Record], bool]
"""Names, or which of all accounts are meant."""


def _named(command: _Command) -> _Command:
    """The arguments that all of them have."""
    for option in (
        as_json_option,
        click.option("--all", "everyone", is_flag=True, help="All accounts that this can be done to, but no client's."),
        click.argument("names", nargs=-1),
    ):
        command = option(command)
    return command


@click.command()
@_named
def test(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Ask accounts a tiny question.

    Each is asked alone: nobody answers in its place. Several are asked at the same time.
    """
    _perform("test", _wanted(names, _usable, everyone=everyone), _verb("test"), as_json=as_json)


@click.command()
@_named
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=PATIENCE_SECONDS,
    show_default=True,
    help="Seconds to wait for what comes of it.",
)
def refresh(names: Sequence[str], *, everyone: bool, as_json: bool, wait: float) -> None:
    """Exchange the tokens of accounts at once.

    Keys of the official platform are tried. The refresher does both, and has to be running.
    """
    _perform("refresh", _wanted(names, _usable, everyone=everyone), _verb("refresh", patience=wait), as_json=as_json)


@click.command()
@_named
def pause(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Set accounts aside.

    What they are answering just now they answer to the end.
    """
    _perform("pause", _wanted(names, _usable, everyone=everyone), _verb("pause"), as_json=as_json)


@click.command()
@_named
def resume(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Let accounts that were paused serve again."""
    _perform("resume", _wanted(names, _paused, everyone=everyone), _verb("resume"), as_json=as_json)


@click.command()
@_named
def clear(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Forget what befell accounts.

    That is rests, failures and refused models; those that are dead or banned are tried anew.
    """
    _perform("clear", _wanted(names, _any, everyone=everyone), _verb("clear"), as_json=as_json)


@click.command()
@_named
@click.option("--max-concurrency", type=int, help="Requests at the same time.")
@click.option("--requests-per-minute", type=Count(), help="`none` or 0 is no limit.")
@click.option("--weight", type=float, help="Share of the traffic among idle accounts.")
@click.option("--priority", type=int, help="Lower ones are used only when all higher ones cannot serve.")
def edit(names: Sequence[str], *, everyone: bool, as_json: bool, **limits: float | None) -> None:
    """Change limits of accounts.

    Of those in the accounts file they hold until their entries there change.
    """
    wanted = Limits(**limits)  # type: ignore[arg-type]  # click has seen to the types
    if wanted == Limits():
        raise click.UsageError("nothing to change: give at least one of the limits")
    act = lambda acting, names, note: acting.edit(names, wanted, note)  # noqa: E731
    _perform("edit", _wanted(names, _any, everyone=everyone), act, as_json=as_json)


@click.command()
@_named
@click.option("--yes", is_flag=True, help="Do not ask before all are deleted.")
def delete(names: Sequence[str], *, everyone: bool, as_json: bool, yes: bool) -> None:
    """Take accounts out that were added.

    Those of the accounts file are taken out there.
    """
    wanted = _wanted(names, _added, everyone=everyone)
    if everyone and not yes:
        click.confirm("Delete all accounts that were added by hand?", abort=True, err=True)
    _perform("delete", wanted, _verb("delete"), as_json=as_json)


def _verb(verb: str, patience: float = PATIENCE_SECONDS) -> Act:
    return lambda acting, names, note: acting.perform(verb, names, note, patience)


def _wanted(names: Sequence[str], fits: Callable[[Record], bool], *, everyone: bool) -> Wanted:
    """The names that were typed, or which accounts `--all` means. Whoever types both has mistaken one of them."""
    if everyone == bool(names):
        raise click.UsageError("give the names of accounts, or --all" + (", not both" if everyone else ""))
    return fits if everyone else names


def _perform(label: str, names: Wanted, act: Act, *, as_json: bool) -> None:
    """Does it to each, tells what comes of it as it comes, and ends with 1 where something failed."""
    failed = False
    with opened("accounts", checks=True) as (settings, store), _reached(settings, store) as upstreams:
        accounts = Accounts(store)
        acting = Acting(accounts, Trials(store, upstreams), _together)
        wanted = _chosen(accounts, names) if callable(names) else list(dict.fromkeys(names))
        known = {record.account.name for record in accounts.some(wanted)}
        if not wanted:
            click.echo("There is no account to which this can be done.", err=True)
        is_hidden = len(wanted) < 2 or sys.stdout.isatty() or not sys.stderr.isatty()
        with (
            closing(act(acting, wanted, partial(Audit(store).note, WHO))) as results,
            click.progressbar(results, length=len(wanted), label=label, file=sys.stderr, hidden=is_hidden) as shown,
        ):
            for given in shown:
                result = (
                    given if given.name in known else replace(given, name=redact(given.name))
                )  # it could be a token
                click.echo(orjson.dumps(result.described()) if as_json else _line(result))
                failed = failed or not result.ok
    if failed:
        sys.exit(1)


@contextmanager
def _reached(settings: CommonSettings, store: Store) -> Iterator[Mapping[Kind, Upstream]]:
    """The upstreams; what they say that is not known is kept for `drift`."""
    with closing(Transport()) as transport:
        drift = Drift()
        line = Line(transport, settings.endpoints, drift, idle=_IDLE_SECONDS, patience=_DELETION_SECONDS)
        try:
            yield build(line)
        finally:
            DriftBook(store).keep(drift)


def _line(result: Result) -> str:
    took = "" if result.seconds is None else f" ({result.seconds:.1f} s)"
    return f"{'ok' if result.ok else 'failed':7} {result.name}: {result.message}{took}"


def _together(ask: Ask, names: Sequence[str]) -> Iterator[Result]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            for future in as_completed([threads.submit(ask, name) for name in names]):
                yield future.result()
        finally:  # whoever interrupts this waits for those alone that are being asked
            threads.shutdown(wait=False, cancel_futures=True)


def _chosen(accounts: Accounts, fits: Callable[[Record], bool]) -> list[str]:
    records = [each for each in accounts.all() if each.configured and each.origin is not Origin.CLIENT]
    return [record.account.name for record in records if fits(record)]


def _any(_: Record) -> bool:
    return True


def _usable(record: Record) -> bool:
    return record.state in {State.NEW, State.ACTIVE}


def _paused(record: Record) -> bool:
    return record.state is State.PAUSED


def _added(record: Record) -> bool:
    return record.origin is Origin.OPERATOR
