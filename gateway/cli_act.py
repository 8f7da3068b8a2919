"""`accounts test|refresh|pause|resume|clear|edit|delete`: what is done to accounts by name, or to all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, TypeVar

import click
import orjson

from kimi.accounts import Origin, Record, State
from kimi.errors import redact
from kimi.http import Transport
from kimi.operating.accounts import Accounts, Limits, NoSuchAccount, Refused
from kimi.operating.audit import Audit
from kimi.operating.trial import Trials
from kimi.pool import Store, connect
from kimi.settings import CommonSettings, load
from kimi.startup import reporting
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build

WHO: Final = "command line"
PATIENCE: Final = 30.0
"""Seconds for which a refresh is waited for."""
_AT_ONCE: Final = 8
_IDLE_SECONDS: Final = 20.0
_DELETION_SECONDS: Final = 10.0
_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one account; `seconds` where that took its time."""

    name: str
    ok: bool
    message: str
    seconds: float | None = None
    tried: bool = True  # something was done, for good or ill

    def described(self) -> dict[str, Any]:
        """As the admin API shows it."""
        told = {"name": self.name, "ok": self.ok, "message": self.message}
        return told if self.seconds is None else {**told, "seconds": round(self.seconds, 3)}

    def line(self) -> str:
        """For people."""
        took = "" if self.seconds is None else f" ({self.seconds:.1f} s)"
        return f"{'ok' if self.ok else 'failed':7} {self.name}: {self.message}{took}"


Act = Callable[[Store, Sequence[str]], Iterator[Result]]


def _named(command: _Command) -> _Command:
    """The arguments that all of them have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs."),
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
    _perform("test", names if not everyone else _usable, _test, as_json=as_json)


@click.command()
@_named
@click.option("--wait", default=PATIENCE, show_default=True, help="Seconds to wait for what comes of it.")
def refresh(names: Sequence[str], *, everyone: bool, as_json: bool, wait: float) -> None:
    """Exchange the tokens of accounts at once.

    Keys of the official platform are tried. The refresher does both, and has to be running.
    """
    _perform("refresh", names if not everyone else _usable, partial(_refresh, patience=wait), as_json=as_json)


@click.command()
@_named
def pause(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Set accounts aside.

    What they are answering just now they answer to the end.
    """
    _perform("pause", names if not everyone else _usable, _each(Accounts.pause, "paused"), as_json=as_json)


@click.command()
@_named
def resume(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Let accounts that were paused serve again."""
    _perform("resume", names if not everyone else _paused, _each(Accounts.resume, "resumed"), as_json=as_json)


@click.command()
@_named
def clear(names: Sequence[str], *, everyone: bool, as_json: bool) -> None:
    """Forget what befell accounts.

    That is rests, failures and refused models; those that are dead or banned are tried anew.
    """
    _perform("clear", names if not everyone else _any, _each(Accounts.clear, "cleared"), as_json=as_json)


@click.command()
@_named
@click.option("--max-concurrency", type=int, help="Requests at the same time.")
@click.option("--requests-per-minute", type=int, help="0 is no limit.")
@click.option("--weight", type=float, help="Share of the traffic among idle accounts.")
@click.option("--priority", type=int, help="Lower ones are used only when all higher ones cannot serve.")
def edit(names: Sequence[str], *, everyone: bool, as_json: bool, **limits: float | None) -> None:
    """Change limits of accounts.

    Of those in the accounts file they hold until their entries there change.
    """
    wanted = Limits(**limits)  # type: ignore[arg-type]  # click has seen to the types
    changes = {name: value for name, value in asdict(wanted).items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: give at least one of the limits")
    detail = ", ".join(f"{name} {value:g}" for name, value in changes.items())
    act = _each(lambda accounts, name: accounts.edit(name, wanted), detail)
    _perform("edit", names if not everyone else _any, act, as_json=as_json)


@click.command()
@_named
@click.option("--yes", is_flag=True, help="Do not ask before all are deleted.")
def delete(names: Sequence[str], *, everyone: bool, as_json: bool, yes: bool) -> None:
    """Take accounts out that were added.

    Those of the accounts file are taken out there.
    """
    if everyone and not yes:
        click.confirm("Delete all accounts that were added by hand?", abort=True, err=True)
    _perform("delete", names if not everyone else _added, _each(Accounts.delete, "deleted"), as_json=as_json)


def _perform(action: str, names: Sequence[str] | Callable[[Record], bool], act: Act, *, as_json: bool) -> None:
    """Does it to each, tells what comes of it as it comes, and ends with 1 where something failed."""
    if not names:
        raise click.UsageError("give the names of accounts, or --all")
    failed = False
    with reporting("accounts"), connect(load(CommonSettings).redis_url) as redis:
        store = Store(redis)
        wanted = _chosen(store, names) if callable(names) else list(dict.fromkeys(names))
        if not wanted:
            click.echo("There is no account to which this can be done.", err=True)
        results = act(store, wanted)
        is_hidden = len(wanted) < 2 or sys.stdout.isatty() or not sys.stderr.isatty()
        with click.progressbar(results, length=len(wanted), label=action, file=sys.stderr, hidden=is_hidden) as shown:
            for result in shown:
                click.echo(orjson.dumps(result.described()) if as_json else result.line())
                failed = failed or not result.ok
                if result.tried:
                    Audit(store).note(WHO, action, result.name, result.message)
    if failed:
        sys.exit(1)


def _chosen(store: Store, fits: Callable[[Record], bool]) -> list[str]:
    records = [each for each in Accounts(store).all() if each.configured and each.origin is not Origin.CLIENT]
    return [record.account.name for record in records if fits(record)]


def _any(_: Record) -> bool:
    return True


def _usable(record: Record) -> bool:
    return record.state in {State.NEW, State.ACTIVE}


def _paused(record: Record) -> bool:
    return record.state is State.PAUSED


def _added(record: Record) -> bool:
    return record.origin is Origin.OPERATOR


def _each(verb: Callable[[Accounts, str], object], done: str) -> Act:
    def act(store: Store, names: Sequence[str]) -> Iterator[Result]:
        accounts = Accounts(store)
        for name in names:
            yield _refusal(lambda name: verb(accounts, name), name) or Result(name, ok=True, message=done)

    return act


def _refusal(act: Callable[[str], object], name: str) -> Result | None:
    """Why it cannot be done to the account; None where it is done."""
    try:
        act(name)
    except NoSuchAccount as error:
        return _unknown(name, error)
    except Refused as error:
        return Result(name, ok=False, message=str(error), tried=False)
    return None


def _unknown(name: str, error: NoSuchAccount) -> Result:
    return Result(redact(name), ok=False, message=str(error), tried=False)  # it could be a token


def _refresh(store: Store, names: Sequence[str], patience: float) -> Iterator[Result]:
    accounts = Accounts(store)
    refused = {
        name: why for name in names if (why := _refusal(lambda one: accounts.refresh_all([one], patience), name))
    }
    yield from refused.values()
    for renewal in accounts.refresh_all([name for name in names if name not in refused], patience):
        yield Result(renewal.name, renewal.ok, renewal.message, renewal.seconds)


def _test(store: Store, names: Sequence[str]) -> Iterator[Result]:
    """Several at the same time, each told as soon as it is known."""
    transport = Transport()
    line = Line(transport, load(CommonSettings).endpoints, idle=_IDLE_SECONDS, patience=_DELETION_SECONDS)
    trials = Trials(store, build(line))

    def run(name: str) -> Result:
        try:
            trial = trials.run(name)
        except NoSuchAccount as error:
            return _unknown(name, error)
        return Result(name, trial.ok, trial.message, trial.seconds)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for future in as_completed([threads.submit(run, name) for name in names]):
            yield future.result()
    transport.close()
