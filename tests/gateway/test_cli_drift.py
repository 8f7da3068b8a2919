"""What the command line shows of what Kimi says that nobody here knows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_drift import ADVICE, NOTHING
from kimi.accounts import ConfiguredAccount, Kind
from kimi.pool import Members, Store, connect
from kimi.pool.drift import DriftBook
from kimi.upstreams.drift import Drift
from tests.kimi.pool.pools import web


def run(redis_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["drift", *arguments], env={"REDIS_URL": redis_url})


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    redis = connect(redis_url)
    yield Store(redis)
    redis.close()


@pytest.fixture
def book(store: Store) -> DriftBook:
    return DriftBook(store)


def test_it_is_a_table_with_what_to_do(book: DriftBook, redis_url: str) -> None:
    assert run(redis_url).output == f"{NOTHING}\n"
    drift = Drift()
    for _ in range(3):
        drift.note(Kind.CLASSIC, "event", "hologram", {"text": "secret"})
    book.keep(drift)

    result = run(redis_url)
    head, row, _, *advice = result.output.splitlines()
    assert head.split() == ["KIND", "WHAT", "NAME", "TIMES", "FIRST", "LATEST", "SHAPE"]
    assert row.split()[:4] == ["kimi-classic", "event", "hologram", "3"]
    assert row.endswith("{text: text(6)}")
    assert "\n".join(advice) == ADVICE

    (line,) = run(redis_url, "--json").output.splitlines()
    assert json.loads(line).items() >= {"kind": "kimi-classic", "what": "event", "name": "hologram", "count": 3}.items()


def test_who_looks_at_the_accounts_is_told_that_there_is_something(
    store: Store, book: DriftBook, redis_url: str
) -> None:
    Members(store).sync([ConfiguredAccount(web("a"), "secret")])
    drift = Drift()
    drift.note(Kind.KIMI, "mask", "block.hologram")

    def said() -> list[str]:
        return CliRunner().invoke(main, ["accounts", "list"], env={"REDIS_URL": redis_url}).output.splitlines()

    before = said()
    book.keep(drift)
    assert said()[len(before) :] == [
        "",
        "Kimi has changed: 1 of the things it says are not known here, see ./dev drift.",
    ]


def test_it_can_be_forgotten(book: DriftBook, redis_url: str) -> None:
    drift = Drift()
    drift.note(Kind.KIMI, "mask", "block.hologram")
    book.keep(drift)

    assert run(redis_url, "--clear").output == "1 forgotten.\n"
    assert book.all() == ()
    assert run(redis_url, "--clear", "--json").output == '{"forgotten":0}\n'
