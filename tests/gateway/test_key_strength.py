"""Which keys are too weak to be put on the internet."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from gateway.key_strength import MAKING, warn_of_weak_keys, weakness, weaknesses
from gateway.settings import GatewaySettings
from tests.gateway import gunicorns
from tests.system import stack

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["demo-gateway"]["environment"]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.yml"), *(ROOT / ".github").rglob("*.yml")]
SHOWN = re.compile(r"(?:\bBearer |\b[A-Z_]*_KEY(?:S?=|S: )|api_key[=:] ?\"?)(sk-[\w.-]+|[\w.-]{8,})", re.ASCII)


def test_what_is_random_is_strong() -> None:
    for _ in range(500):
        assert weakness(f"sk-{secrets.token_urlsafe(32)}") is None
        assert weakness(secrets.token_hex(16)) is None


def test_the_command_that_is_told_makes_a_strong_one() -> None:
    command = re.fullmatch(r'python3 -c "(.+)"', MAKING)
    assert command is not None
    made = subprocess.run([sys.executable, "-c", command[1]], capture_output=True, text=True, check=True).stdout
    assert weakness(made.strip()) is None


@pytest.mark.parametrize("key", ["", "key", "sk-1", "x7Kd93mQpL0vZb2"])
def test_what_is_short_can_be_guessed(key: str) -> None:
    assert weakness(key) == "is shorter than 16 characters"


@pytest.mark.parametrize(
    "key", ["a" * 40, "sk-" + "0" * 32, "abcab" * 8, "sk-1212121212121212", "sk-x7Kd93x7Kd93x7Kd93", "--------________"]
)
def test_what_repeats_itself_can_be_guessed(key: str) -> None:
    assert weakness(key) == "is the same over and over"


@pytest.mark.parametrize(
    "key",
    [
        *("sk-your-api-key-here", "YOUR_API_KEY_HERE_PLEASE", "sk-1234567890abcdef", "sk-0123456789abcdefghijkl"),
        *("please-change-me-now", "replace_with_your_key", "my-super-secret-key", "correct-Password-1"),
        *("sk-test-client-key", "some-example-of-a-key", "abcdefghijklmnopqrstuvwxyz", "sk-no-key-required"),
        *("sk-kimi-gateway-2024", "Summer2024Summer24", "correcthorsebattery", "Company-Proxy-2026"),
        *("sk-1a2b3c4d5e6f7g8h", "1q2w3e4r5t6y7u8i", "1q2w3e4r5t6y7u8i9o0p", "8a7b6c5d4e3f2g1h"),
    ],
)
def test_what_stands_in_examples_is_tried_first(key: str) -> None:
    assert weakness(key) == "is of a kind that stands in examples"


def test_words_of_examples_do_no_harm_beside_what_is_random() -> None:
    assert weakness(f"my-api-key-{secrets.token_hex(16)}") is None
    assert weakness("x-7-K-d-9-3-m-Q-") is None
    assert weakness(f"sk-kimi-{secrets.token_hex(8)}") is None
    assert weakness("violet-tractor-museum-lantern") is None


def test_no_key_of_our_own_pages_and_tests_is_strong() -> None:
    shown = {key for page in PAGES for key in SHOWN.findall(page.read_text("utf-8"))}
    shown.discard(DEMO["TOKEN_ENCRYPTION_KEYS"].rstrip("="))  # seals, and opens no door
    assert DEMO["GATEWAY_API_KEYS"] in shown
    strong = {key for key in (*shown, stack.KEY, gunicorns.KEY) if weakness(key) is None}
    assert not strong


def test_the_key_of_the_demo_is_let_in_where_kimi_is_played_and_says_what_it_is() -> None:
    key = DEMO["GATEWAY_API_KEYS"]
    assert weaknesses([key], (), is_played=True) is None
    assert weaknesses([key], (), is_played=False) == "key 1 is of a kind that stands in examples"
    assert weaknesses([key, "hush-1"], (), is_played=True) == "key 2 is shorter than 16 characters"
    assert "demo" in key
    for page in ("README.md", "README.zh-CN.md", ".github/workflows/ci.yml"):
        assert key in (ROOT / page).read_text("utf-8"), page


def test_keys_are_told_by_their_numbers() -> None:
    strong = secrets.token_urlsafe(32)
    assert weaknesses([strong], (), is_played=False) is None
    assert weaknesses(["hush-1", strong, "hush-2"], ["hush-2"], is_played=False) == (
        "key 1 is shorter than 16 characters, key 3 (of the accounts file) is shorter than 16 characters"
    )
    many = weaknesses([f"hush-{number}" for number in range(9)], (), is_played=False)
    assert many is not None and many.endswith("key 5 is shorter than 16 characters, 4 more are weak")


def test_here_a_weak_key_is_warned_of_without_being_shown() -> None:
    with capture_logs() as logs:
        warn_of_weak_keys(GatewaySettings(gateway_api_keys=("hush-1",), gateway_admin_key="hush-2").weak_keys())
    assert [(line["log_level"], line["variable"], line["told"]) for line in logs] == [
        ("warning", "GATEWAY_API_KEYS", "key 1 is shorter than 16 characters"),
        ("warning", "GATEWAY_ADMIN_KEY", "is shorter than 16 characters"),
    ]
    assert "hush" not in str(logs)


def test_of_strong_keys_nothing_is_said() -> None:
    with capture_logs() as logs:
        warn_of_weak_keys(GatewaySettings(gateway_api_keys=(secrets.token_urlsafe(32),)).weak_keys())
    assert logs == []
