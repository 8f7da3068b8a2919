"""`secrets`: how secrets stand in Redis, and the keys that they are sealed with."""

from __future__ import annotations

import sys
from typing import Final

import click
import orjson

from gateway.cli_program import WHO, as_json_option
from gateway.cli_store import opened
from gateway.tables import table
from kimi.operating.audit import Audit
from kimi.operating.checks_secrets import droppable, listed, same_keys, sealed
from kimi.pool import Store
from kimi.pool.canary import Canary
from kimi.pool.old_files import OldFiles, Rewrite
from kimi.pool.resealing import Resealing
from kimi.pool.seals import UNREADABLE, Resealed, Seals
from kimi.sealing_keys import new_key

NOTHING_SEALED: Final = (
    "no refresher has started with keys yet. Give TOKEN_ENCRYPTION_KEYS to all gateways and then to the refreshers, "
    "which seal what stands in Redis as soon as they start"
)
BACK_UPS: Final = "back-ups from before hold what was there"
NO_KEY: Final = "TOKEN_ENCRYPTION_KEYS is not set, so there is no key to seal with: `secrets key` makes one"


@click.group()
def secrets() -> None:
    """The secrets in Redis, and the keys that they are sealed with."""


@secrets.command()
def key() -> None:
    """Make a key for TOKEN_ENCRYPTION_KEYS. It alone goes to standard output, and is kept nowhere."""
    click.echo(new_key())


@secrets.command()
@as_json_option
def status(*, as_json: bool) -> None:
    """Show how many secrets are sealed with which key.

    It says what to do, and whether an older key can be dropped. Exit code 1 where some of an account cannot be opened.
    """
    with opened("secrets") as (settings, store):
        keys, seals = len(settings.token_encryption_keys), Resealing(store).status()
    click.echo(orjson.dumps(described(seals, keys)) if as_json else told(seals, keys))
    if seals.lost or seals.canary == UNREADABLE:
        sys.exit(1)


@secrets.command()
@as_json_option
def rotate(*, as_json: bool) -> None:
    """Seal all secrets with the first key, while everything serves, and have Redis write its files anew.

    All processes have to seal with that key by then. Whoever interrupts it can run it again: what is done is done. What
    no key opens stays as it is, and where Redis refuses it is said. Exit code 1 where secrets are left.
    """
    with opened("secrets") as (settings, store):
        keys, resealing = len(settings.token_encryption_keys), Resealing(store)
        _check(store, resealing, keys)
        done = _rotated(resealing)
        Audit(store).note(WHO, "rotate secrets", "", _counted(done))
        seals = resealing.status()
        rewrite = OldFiles(store).rewrite()
    if as_json:
        counts = {"changed": done.changed, "left": done.left}
        told_so_far = {**counts, "files": rewrite.files, "rewrites": not rewrite.refused}
        click.echo(orjson.dumps({**told_so_far, **described(seals, keys)}))
    else:
        click.echo(f"{_counted(done)}.\n{_said_of(rewrite)}.\n\n{told(seals, keys)}")
    if done.left:
        sys.exit(1)


def _check(store: Store, resealing: Resealing, keys: int) -> None:
    """Nothing is sealed that others could not read, and nobody goes on with an older key behind it."""
    if not keys:
        raise click.ClickException(f"{NO_KEY}.")
    living = Seals(processes=resealing.processes())
    if living.strangers:  # whose keys are the wrong ones is not known
        told = sealed(living, keys)
        raise click.ClickException(f"{told.seen}: {told.advice}.")
    if not Canary(store).check():  # refreshers without keys could not read what is sealed
        raise click.ClickException(f"{NOTHING_SEALED}.")
    if behind := living.behind:
        raise click.ClickException(f"not all processes seal with the first key: {same_keys(behind)}.")


def _rotated(resealing: Resealing) -> Resealed:
    with click.progressbar(length=1, label="rotate", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        return resealing.rotate(show)


def _counted(done: Resealed) -> str:
    left = f", {done.left} left, which others go on writing: run it again" if done.left else ""
    lost = f", {done.unreadable} that no key opens" if done.unreadable else ""
    return f"{done.changed} secrets sealed with the first key{lost}{left}"


def _said_of(rewrite: Rewrite) -> str:
    if not (rewrite.files or rewrite.refused):
        return f"Redis keeps no file of its own; {BACK_UPS}"
    files = " and its ".join(rewrite.refused or rewrite.files)
    if not rewrite.refused:
        return f"Redis writes its {files} anew; {BACK_UPS}"
    return (
        f"Redis does not write its {files} anew, with what was there before: the refresher asks again every minute. "
        "Where it may not at all, have that done by who may (BGREWRITEAOF, BGSAVE)"
    )


def described(seals: Seals, keys: int) -> dict[str, object]:
    """How secrets are sealed, for programs: `sealed` has a figure for each key, and `droppable` numbers from 2 on."""
    finding = sealed(seals, keys)
    return {
        "keys": keys,
        "plain": seals.plain,
        "sealed": [seals.count(number) for number in range(1, keys + 1)],
        "unreadable": seals.unreadable,
        "accounts": [*seals.lost, *seals.gone],
        "processes": seals.processes,
        "droppable": droppable(seals, keys),
        "level": finding.level,
        "seen": finding.seen,
        "advice": finding.advice,
    }


def told(seals: Seals, keys: int) -> str:
    """The same for people."""
    unused = droppable(seals, keys)
    purposes = {1: "seals what is written", **dict.fromkeys(unused, "can be dropped")}
    rows = [("KEY", "SECRETS", "")]
    rows += [(str(each), str(seals.count(each)), purposes.get(each, "is needed")) for each in range(1, keys + 1)]
    rows += [("plain", str(seals.plain), ""), ("unreadable", str(seals.unreadable), listed(seals.lost + seals.gone))]
    finding = sealed(seals, keys)
    advice = f"\n→ {finding.advice}" if finding.advice else ""
    return f"{table(rows)}\n\nSecrets: {finding.seen}.{advice}"
