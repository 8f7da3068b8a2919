"""Recording an exchange with the simulator, and playing it again."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools import configuration
from devtools.capture import Access, find, main, record
from devtools.captures import Capture, Exchange, NoCapture, Question, load
from devtools.environment import data_folder
from devtools.private import private
from devtools.recorder import play
from devtools.saying import Trouble
from kimi.accounts import Account, Kind, Tokens
from kimi.exchange import Exchange as TokenExchange
from kimi.http import Endpoints, Transport
from tests.kimi.pool.pools import Pool, present, web, wish
from tests.simulator.running import Simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


def endpoints(simulator: Simulator) -> Endpoints:
    return Endpoints(simulator.url, simulator.url, simulator.url, f"{simulator.url}/v1")


def access(simulator: Simulator, transport: Transport, kind: Kind) -> Access:
    minted = simulator.mint(kind=kind.value)
    account = Account(name=minted["name"], kind=kind)
    if kind is Kind.MOONSHOT:
        return Access(account, minted["api_key"])
    pair = TokenExchange(transport, endpoints(simulator)).refresh(account, minted["refresh_token"])
    return Access(account, pair.access)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_recorded_is_played_to_the_same_end_and_shows_no_secret(
    kind: Kind, simulator: Simulator, transport: Transport
) -> None:
    simulator.fault("answer", text="Guten Tag，世界 🌙, li@example.com", thinking="", events=1)
    using = access(simulator, transport, kind)
    model = "kimi-k2.6" if kind is Kind.MOONSHOT else "kimi"
    capture = record(transport, Question(kind, model, "你好 🌙"), using, endpoints(simulator))
    written = b"".join(capture.lines())

    assert capture.outcome.text == "Guten Tag，世界 🌙, xx@xxxxxxx.xxx"
    assert (capture.outcome.finish, capture.outcome.error) == ("stop", "")
    assert play(load(written)) == capture.outcome
    assert load(written) == capture
    for secret in (*using.known, simulator.url):
        assert secret.encode() not in written
    assert simulator.account(using.account.name)["chats_alive"] == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"what": "error", "reason": "overloaded", "where": "http"}, "Overloaded"),
        ({"what": "truncate", "at": "character", "texts": 2}, "BrokenAnswer"),
        ({"what": "reset"}, "Unreachable"),
    ],
)
def test_a_failure_is_recorded_as_well(
    fault: dict[str, Any], error: str, simulator: Simulator, transport: Transport
) -> None:
    using = access(simulator, transport, Kind.KIMI)
    simulator.fault(**fault, match={"endpoint": "chat"})
    capture = record(transport, Question(Kind.KIMI, "kimi", "你好"), using, endpoints(simulator))

    assert capture.outcome.error in {error, "Unreachable"}
    assert play(load(b"".join(capture.lines()))).error == capture.outcome.error


@given(st.lists(st.one_of(st.binary(), st.text().map(str.encode), st.sampled_from([b"\\x41", b"\\\\x", b"\xff\\x41"]))))
def test_bytes_of_any_kind_are_kept(chunks: list[bytes]) -> None:
    told = tuple((float(number), chunk) for number, chunk in enumerate(chunks))
    exchange = Exchange("POST", "/x", {}, b"".join(chunks), status=200, chunks=told)
    capture = Capture(Question(Kind.KIMI, "kimi", "?"), "2026", (exchange,))

    assert load(b"".join(capture.lines())) == capture


@pytest.mark.parametrize("text", [b"", b"x", b"{}", b"[]", b'{"capture": 99}', b'{"capture": 1, "made": ""}'])
def test_anything_else_is_no_capture(text: bytes) -> None:
    with pytest.raises(NoCapture):
        load(text)


def test_what_was_not_recorded_cannot_be_played(simulator: Simulator, transport: Transport) -> None:
    using = access(simulator, transport, Kind.KIMI)
    capture = record(transport, Question(Kind.KIMI, "kimi", "你好"), using, endpoints(simulator))
    other = replace(capture, exchanges=(Exchange("GET", "/other", {}, None, status=200),))

    assert play(other).error == "Unreachable"


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    with present(redis_url) as pool:
        yield pool


def test_the_token_is_that_of_the_pool(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    now = pool.clock.now

    assert find(pool.store, "b", now) == Access(web("b"), "access-b-2")
    for name, at, why in (
        ("", now, "there are: a, b"),
        ("c", now, "there are: a, b"),
        ("a", now + 1e6, "no good access"),
    ):
        with pytest.raises(Trouble, match=why):
            find(pool.store, name, at)
    pool.leases.acquire(wish(only="a"))
    with pytest.raises(Trouble, match="answering somebody"):
        find(pool.store, "a", now)


@pytest.fixture
def ready(
    pool: Pool, simulator: Simulator, transport: Transport, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Access:
    """An account of the simulator, in the pool with a good token."""
    using, now = access(simulator, transport, Kind.KIMI), pool.clock.now
    pool.configure(using.account)
    known = pool.members.get(using.account.name)
    assert known is not None
    assert pool.tokens.save(known, Tokens(using.token, "r"), issued=now, expires=now + 200, next_due=now + 100)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("KIMI_WEB_URL", simulator.url)
    return using


def test_a_file_is_written_for_its_owner_and_never_over_another(
    ready: Access, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "capture.jsonl"

    assert main(["-o", str(file), "--message", "你好", "--account", ready.account.name]) == 0
    assert "read it before you pass it on" in capsys.readouterr().out
    assert load(file.read_bytes()).outcome.finish == "stop"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["-o", str(file)]) == 1
    assert capsys.readouterr().err == f"dev: {file} exists already; name another file.\n"


def test_what_plays_kimi_in_this_folder_is_asked_and_not_kimi(
    ready: Access, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIMI_WEB_URL", "http://127.0.0.1:1")
    notes = private(data_folder(tmp_path) / configuration.UPSTREAMS)
    notes.write_text(f"KIMI_ACCOUNTS_FILE={tmp_path}/none.yaml\nKIMI_WEB_URL={simulator.url}\n", "utf-8")

    assert main(["-o", "capture.jsonl", "--account", ready.account.name]) == 0
    assert load((tmp_path / "capture.jsonl").read_bytes()).outcome.finish == "stop"
