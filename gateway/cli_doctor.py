"""`doctor`: looks at all that has to be right, and says what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import click
import orjson

from gateway.cli_program import DEV, PROGRAM, as_json_option
from gateway.settings import GatewaySettings
from kimi.accounts import Account
from kimi.errors import StoreUnavailable
from kimi.http import Transport
from kimi.operating import (
    checks_gateway,
    checks_machine,
    checks_pool,
    checks_redis,
    checks_releases,
    checks_secrets,
    checks_settings,
    checks_upstreams,
)
from kimi.operating.checks import Finding, Level, problem
from kimi.pool import Members, Store, open_store
from kimi.pool.health import Health
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.neighbours import Neighbours
from kimi.pool.resealing import Resealing
from kimi.pool.schema import Schema, at_work
from kimi.pool.sure import electing, probe_replicas
from kimi.settings import CommonSettings, SettingsError, load
from kimi.version import VERSION

_ROOT: Final = Path(__file__).resolve().parent.parent
_PATIENCE_SECONDS: Final = 30.0
_UP: Final = "start ./dev up in another terminal, or set REDIS_URL where it runs elsewhere"
_GATEWAY: Final = "./dev up" if PROGRAM == DEV else "gunicorn -c gateway/gunicorn.conf.py"
_REFRESHER: Final = "./dev up" if PROGRAM == DEV else "python -m refresher"
_WORDS: Final = {Level.OK: "ok", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}


@click.command()
@as_json_option
@click.option("--idle", is_flag=True, hidden=True, help="Nothing runs: so ./dev calls.")
@click.option("--here", is_flag=True, hidden=True, help="The gateway runs on this machine: so ./dev calls.")
def doctor(*, as_json: bool, idle: bool, here: bool) -> None:
    """Check everything, and say what to do.

    That is settings, Redis, clocks, upstreams, disks, releases, accounts, seals of secrets and the processes. No token
    goes out with that, and nothing is changed. Exit code 1 when there is a problem.
    """
    worst, findings = Level.OK, 0
    for finding in checked(idle=idle, here=here):
        findings += 1
        click.echo(orjson.dumps(finding.described()) if as_json else told(finding))
        if finding.level is not Level.OK and worst is not Level.PROBLEM:
            worst = finding.level
    if not as_json:
        click.echo(_ENDS[worst].format(findings))
    if worst is Level.PROBLEM:
        raise SystemExit(1)


_ENDS: Final = {
    Level.OK: "\nAll {} checks are well.",
    Level.WARNING: "\nIt works; what is marked should be looked at.",
    Level.PROBLEM: "\nWhat is marked PROBLEM has to be put right.",
}


def told(finding: Finding) -> str:
    """A line, and what to do on a second one."""
    line = f"{_WORDS[finding.level]:8} {finding.check:24} {finding.seen}"
    return f"{line}\n{'':8} → {finding.advice}" if finding.advice else line


def checked(*, idle: bool, here: bool) -> Iterator[Finding]:
    """All that is found, as it is found; where nothing runs (`idle`), all that can be looked at all the same.

    `here` says that the gateway runs on this machine.
    """
    http = Transport(connect_timeout=checks_upstreams.PATIENCE_SECONDS)
    yield from checks_settings.loaded("gateway", partial(load, GatewaySettings))
    yield from checks_settings.started("refresher", _refresher)
    yield from _machine()
    try:
        settings = load(CommonSettings)
    except SettingsError:  # it was told, and where everything else is nobody knows
        return
    accounts: list[Account] = []
    if idle:
        yield problem("./dev up", "nothing runs in this folder", _UP)
    else:
        yield from _stored(settings, accounts)
    ways = checks_upstreams.ways(accounts or [Account(name="none", kind=settings.kimi_kind)], settings.endpoints)
    yield from checks_upstreams.all_of(ways, http, time.time, time.monotonic)
    try:
        ours = load(GatewaySettings)
    except SettingsError:
        return
    gateway = checks_gateway.ready(http, ours.gateway_host, ours.gateway_port, start=_GATEWAY, here=here)
    if not idle or gateway.level is Level.PROBLEM:  # something else is where the gateway is to be
        yield gateway


def _stored(settings: CommonSettings, accounts: list[Account]) -> Iterator[Finding]:
    """What is found of Redis and of what is in it; its accounts go to `accounts`."""
    with open_store(settings) as store:
        for finding in _asked("Redis", _redis(store)):
            yield finding
            if finding.check == "Redis" and finding.level is Level.PROBLEM:
                return
        yield from _asked("schema", _releases(store))
        yield from _asked("secrets", _sealed(store, settings))
        yield from _asked("accounts", _pool(store, accounts))


def _asked(check: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The same, and that the rest cannot be had from Redis, should that be."""
    try:
        yield from findings
    except StoreUnavailable as error:
        yield checks_redis.unanswered(check, error)


def _redis(store: Store) -> Iterator[Finding]:
    health = Health(store)
    yield from checks_redis.all_of(
        health.facts,
        ping=store.ping,
        probe=store.probe,
        time=health.clock,
        now=time.time,
        monotonic=time.monotonic,
    )
    are_wanted = store.replicas.are_wanted
    facts = health.facts()
    yield checks_redis.replicas(partial(probe_replicas, store), facts, are_wanted=are_wanted)
    asked = electing(store)
    if asked is not None:
        yield checks_redis.electing(asked, facts)


def _releases(store: Store) -> Iterator[Finding]:
    schema = Schema(store)
    yield checks_releases.schema(schema.look, schema.current.version)
    yield checks_releases.releases(at_work(store), VERSION)


def _sealed(store: Store, settings: CommonSettings) -> Iterator[Finding]:
    keys = len(settings.token_encryption_keys)
    matters = bool(keys) or settings.leaves_secrets_plain
    yield checks_secrets.sealed(Resealing(store).status(), keys, matters=matters)


def _pool(store: Store, accounts: list[Account]) -> Iterator[Finding]:
    pool = Health(store).pool()
    yield checks_pool.accounts(pool)
    yield checks_pool.refreshers(Heartbeats(store).seen(), pool, time.time(), start=_REFRESHER)
    understood, garbled = Members(store).sorted_out()
    if garbled:
        yield checks_pool.garbled([*garbled], store.key("account", "NAME"))
    records = [record for record in understood if record.configured]
    others = Neighbours(store)
    names = others.look()
    holding = others.holding([record.fingerprint for record in records if record.account.kind.is_web])
    yield checks_pool.neighbours(names, holding.values(), others.closed)
    accounts += [record.account for record in records]


def _machine() -> Iterator[Finding]:
    yield checks_machine.python(sys.version_info[:3])
    requirements = _ROOT / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines() if requirements.exists() else []
    yield checks_machine.packages(lines, _installed)
    for path in (Path(tempfile.gettempdir()), Path(".data")):
        if path.name != ".data" or path.exists():
            yield checks_machine.disk(path, lambda path: shutil.disk_usage(path).free)


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _refresher() -> tuple[int, str]:
    """Whether it would start, which it says itself: it has settings of its own."""
    command = [sys.executable, "-m", "refresher", "--check"]
    try:  # nobody else has a say in the command
        ended = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "says nothing"
    return ended.returncode, ended.stdout + ended.stderr
