"""The suite for the real service, tried on the simulator."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.live import failed, main
from devtools.live_steps import STEPS, Live
from devtools.live_token import MISSING, Credential
from devtools.saying import Trouble
from kimi.accounts import Kind
from kimi.http import Endpoints, Transport
from tests.simulator.running import Simulator

ALL = [step.name for step in STEPS]
SKIPPED = {
    Kind.KIMI: (),
    Kind.CLASSIC: ("models",),
    Kind.MOONSHOT: ("exchange", "search", "file", "continue", "delete"),
}
VARIABLES = {
    Kind.MOONSHOT: "KIMI_LIVE_API_KEY",
    Kind.KIMI: "KIMI_LIVE_REFRESH_TOKEN",
    Kind.CLASSIC: "KIMI_LIVE_REFRESH_TOKEN",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.reset()
    running.settings(answer="heron {files} {prompt} {history}", thinking="Hm.")
    return running


def variables(simulator: Simulator, kind: Kind) -> dict[str, str]:
    minted = simulator.mint(kind=kind.value, name=f"live-{kind.value}")
    secret = minted["api_key"] if kind is Kind.MOONSHOT else minted["refresh_token"]
    return {VARIABLES[kind]: secret, "KIMI_LIVE_KIND": kind.value}


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


def live(simulator: Simulator, transport: Transport, credential: Credential) -> Live:
    endpoints = Endpoints(simulator.url, simulator.url, simulator.url, f"{simulator.url}/v1")
    return Live(credential, endpoints, transport)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_step_works_and_leaves_nothing_behind(
    kind: Kind, simulator: Simulator, transport: Transport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = variables(simulator, kind)
    assert failed(live(simulator, transport, Credential.of(said, tmp_path)), ALL) == []

    told = capsys.readouterr().out
    results = dict(line.split()[:2] for line in told.splitlines()[1 : len(ALL) + 1])
    assert results == dict.fromkeys(ALL, "ok") | dict.fromkeys(SKIPPED[kind], "skipped")
    assert told.endswith("everything works\n")
    assert not any(secret in told for secret in said.values() if secret != kind.value)
    assert simulator.account(f"live-{kind.value}")["chats_alive"] == 0


def test_the_step_that_fails_is_named_with_what_to_do(
    simulator: Simulator, transport: Transport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trying = live(simulator, transport, Credential.of(variables(simulator, Kind.KIMI), tmp_path))
    simulator.fault("answer", text="words", thinking="", times=None)
    simulator.fault("http", status=500, match={"endpoint": "models"}, times=None)

    assert failed(trying, ["exchange", "models", "thinking", "delete"]) == ["models", "thinking"]
    told = capsys.readouterr().out
    assert "thinking  FAILED   no thoughts came with the answer\n                   Kimi may have changed" in told
    assert "models    FAILED   UpstreamError" in told


def test_nothing_is_tried_without_a_token(
    simulator: Simulator, transport: Transport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = variables(simulator, Kind.KIMI)
    simulator.account("live-kimi", revoke_refresh=True)

    assert failed(live(simulator, transport, Credential.of(said, tmp_path)), ALL) == ["exchange"]
    assert "log in again" in capsys.readouterr().out


def test_the_rotated_token_is_kept_and_used_the_next_time(
    simulator: Simulator, transport: Transport, tmp_path: Path
) -> None:
    said = variables(simulator, Kind.KIMI)
    for _ in range(2):  # the simulator takes each token once
        assert failed(live(simulator, transport, Credential.of(said, tmp_path)), ["exchange"]) == []
    file = tmp_path / "live-token.json"

    assert Credential.of(said, tmp_path).secret == json.loads(file.read_text())["refresh_token"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    other = said | {"KIMI_LIVE_REFRESH_TOKEN": simulator.mint(kind="kimi")["refresh_token"]}
    assert Credential.of(other, tmp_path).secret == other["KIMI_LIVE_REFRESH_TOKEN"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, MISSING),
        ({"KIMI_LIVE_API_KEY": "sk-x", "KIMI_LIVE_REFRESH_TOKEN": "x"}, "one of the two is needed"),
        ({"KIMI_LIVE_API_KEY": "sk-x", "KIMI_LIVE_KIND": "kimi"}, "has to be moonshot, not kimi"),
        ({"KIMI_LIVE_REFRESH_TOKEN": "x", "KIMI_LIVE_KIND": "moonshot"}, "has to be kimi or kimi-classic"),
        ({"KIMI_LIVE_REFRESH_TOKEN": "sk-abcdef"}, "KIMI_LIVE_REFRESH_TOKEN is an API key"),
    ],
)
def test_what_is_missing_is_said(said: dict[str, str], why: str, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=why.replace("(", r"\(").replace(")", r"\)")):
        Credential.of(said, tmp_path)


def test_a_token_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    credential = Credential.of({"KIMI_LIVE_REFRESH_TOKEN": "abc"}, tmp_path)
    credential.file.write_text("{")
    with pytest.raises(Trouble, match="cannot be read"):
        _ = credential.secret


def test_the_command_needs_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in set(VARIABLES.values()):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 1
    assert capsys.readouterr().err == f"dev: {MISSING}\n"
