"""`accounts import`: takes accounts over from whatever form they are in, and says what it took and what it refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from gateway.tables import span
from kimi import accounts_append, accounts_file, claims
from kimi.account_forms import AccountsError, Entry, client_keys_in, entries
from kimi.accounts import ConfiguredAccount, Kind
from kimi.settings import DEFAULT_ACCOUNTS_FILE, CommonSettings, load
from kimi.startup import reporting

_STDIN: Final = "-"


@dataclass
class Intake:
    """Decides about entries one after the other, in view of the accounts `known` so far. `now` is in Unix seconds."""

    known: list[ConfiguredAccount]
    now: float
    taken: list[ConfiguredAccount] = field(default_factory=list)
    refused: int = 0
    lines: list[str] = field(default_factory=list)

    def consider(self, entry: Entry) -> None:
        """Takes it, or says why not."""
        member = entry.member
        if member is None:
            self._refuse(entry, *entry.complaints)
        elif other := next((each for each in self.known if each.secret == member.secret), None):
            self.lines.append(f"skipped  {entry.place}: account {other.account.name} has this credential already")
        elif member.account.kind.is_web and not claims.is_token(member.secret):
            self._refuse(entry, "is no token of Kimi: copy the value of refresh_token again, as a whole")
        elif (expires := claims.read(member.secret).exp) is not None and expires <= self.now:
            self._refuse(entry, f"expired {span(self.now - expires)} ago: log in again and copy the new token")
        elif entry.raw is not None and member.account.name in self._names():
            self._refuse(entry, "an account of this name is there already, with another credential")
        else:
            self._take(self._renamed(member), expires)

    def _take(self, member: ConfiguredAccount, expires: float | None) -> None:
        twin = next((each for each in self.known if _login(each) == _login(member) is not None), None)
        self.known.append(member)
        self.taken.append(member)
        words = [f"took     {member.account.name}: kind {member.account.kind}"]
        if expires is not None:
            words.append(f"expires {datetime.fromtimestamp(expires, UTC):%Y-%m-%d} (in {span(expires - self.now)})")
        if twin is not None:
            words.append(f"the same login as {twin.account.name}: remove the older one")
        self.lines.append(", ".join(words))

    def _refuse(self, entry: Entry, *complaints: str) -> None:
        self.refused += 1
        self.lines += [f"refused  {entry.place}: {complaint}" for complaint in complaints]

    def _names(self) -> set[str]:
        return {each.account.name for each in self.known}

    def _renamed(self, member: ConfiguredAccount) -> ConfiguredAccount:
        """Under a name that is free: that of a token which stands alone comes from its login."""
        name, number, taken = member.account.name, 1, self._names()
        while name in taken:
            number += 1
            name = f"{member.account.name}-{number}"
        return replace(member, account=replace(member.account, name=name))


@click.command("import")
@click.argument("file")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="The kind of what is written without one; KIMI_KIND if it is not given.",
)
def import_accounts(file: str, kind: str | None) -> None:
    """Add the accounts in FILE (- for standard input) to the accounts file.

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
    name = "standard input" if file == _STDIN else file
    text = sys.stdin.read() if file == _STDIN else accounts_file.read_text(Path(file))
    old = accounts_file.read_text(target) if target.exists() else ""
    intake = Intake(_known(old, str(target), settings), time.time())
    for entry in entries(text, name, kind):
        intake.consider(entry)
    if intake.taken:
        accounts_append.write(target, accounts_append.appended(old, intake.taken, str(target), settings.kimi_kind))
    lines = [*intake.lines, f"{len(intake.taken)} written to {target}, {intake.refused} refused."]
    if client_keys_in(text):
        lines.append("What its clients send as a key was not taken over: add each `token` of it to GATEWAY_API_KEYS.")
    if intake.refused or not intake.lines:
        raise Refusals("\n".join(lines))
    return lines


def _known(text: str, source: str, settings: CommonSettings) -> list[ConfiguredAccount]:
    try:
        bare: Iterable[ConfiguredAccount] = accounts_file.from_tokens(settings.kimi_refresh_tokens, settings.kimi_kind)
    except ValueError as error:
        raise AccountsError(f"KIMI_REFRESH_TOKENS: {error}") from None
    return [*accounts_file.parse(text, source, settings.kimi_kind), *bare]


def _login(member: ConfiguredAccount) -> str | None:
    return claims.read(member.secret).sub if member.account.kind.is_web else None
