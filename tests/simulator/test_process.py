"""The simulator as a process, and its control API."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
import yaml

from devtools.waiting import until
from tests.simulator.clients import Client
from tests.simulator.running import Simulator

if TYPE_CHECKING:
    from pathlib import Path


def test_it_starts_with_demo_accounts_and_says_one_line(running: Simulator) -> None:
    running.reset()
    assert re.fullmatch(r"simulator: listening on http://127\.0\.0\.1:\d+\n", running.log.read_text())
    names = [account["name"] for account in running.control("GET", "accounts")]
    assert names == ["demo-1", "demo-2", "demo-3", "demo-classic-1", "demo-moonshot-1"]


def test_demo_credentials_are_the_same_every_time(kimi: Simulator) -> None:
    first = kimi.account("demo-1")["refresh_token"]
    Client(kimi, kimi.account("demo-1")).log_in()
    assert kimi.account("demo-1")["refresh_token"] != first
    kimi.reset()
    assert kimi.account("demo-1")["refresh_token"] == first


def test_the_accounts_file_can_be_fetched(kimi: Simulator) -> None:
    accounts = yaml.safe_load(requests.get(f"{kimi.url}/_sim/accounts.yaml", timeout=5).text)["accounts"]
    assert accounts[0] == {
        "name": "demo-1",
        "kind": "kimi",
        "refresh_token": kimi.account("demo-1")["refresh_token"],
    }
    assert accounts[-1]["api_key"].startswith("sk-")


def test_many_accounts_are_minted_at_once(kimi: Simulator) -> None:
    minted = kimi.control("POST", "accounts", {"kind": "kimi-classic", "name": "crowd", "count": 3})
    assert [account["name"] for account in minted] == ["crowd-1", "crowd-2", "crowd-3"]
    with pytest.raises(ValueError, match="already"):
        kimi.mint(kind="kimi", name="crowd-1")
    with pytest.raises(ValueError, match="colour"):
        kimi.mint(kind="kimi", colour="red")


def test_requests_are_remembered_without_secrets(kimi: Simulator) -> None:
    kimi.settings(keep_requests=2)
    client = Client(kimi, kimi.mint(kind="kimi", name="seen"))
    secret = client.account["refresh_token"]
    client.log_in()
    for text in ("one", "two", "three"):
        client.chat(text)
    notes = kimi.control("GET", "requests?account=seen&last=5")
    assert [note["prompt"] for note in notes] == ["two", "three"]
    assert notes[-1]["body"]["scenario"] == "SCENARIO_K2D5"
    assert notes[-1]["status"] == 200
    kimi.settings(keep_requests=50)
    client.refresh(secret)
    assert secret not in requests.get(f"{kimi.url}/_sim/requests", timeout=5).text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_with_a_stream_running(number: signal.Signals) -> None:
    with Simulator("--accounts", "1", "--token-lifetime", "20", "--tame") as simulator:
        client = Client(simulator, simulator.account("demo-1")).log_in()
        simulator.fault("hang", texts=1)
        with client.chat(stream=True):
            assert simulator.process is not None
            simulator.process.send_signal(number)
            assert simulator.process.wait(5) == 0
        assert simulator.log.read_text().count("\n") == 1, "no traceback"


def test_a_port_that_is_taken_is_told_in_one_line(kimi: Simulator, tmp_path: Path) -> None:
    port = kimi.url.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-m", "simulator", "--port", port], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"simulator: cannot listen on 127\.0\.0\.1:\d+: .+\n", ended.stderr)
    assert not list(tmp_path.iterdir())


def test_nothing_goes_wrong_unseen(kimi: Simulator) -> None:
    """Runs against the shared simulator: no test may have left a traceback in its log."""
    until(lambda: kimi.state()["totals"]["open_streams"] == 0)
    assert "Traceback" not in kimi.log.read_text()
