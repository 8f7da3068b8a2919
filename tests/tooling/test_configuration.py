from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devtools import configuration, probe

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_wins_over_the_file_and_empty_means_unset(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("redis_url=redis://file\nGATEWAY_PORT=1\nGATEWAY_HOST=\n")
    environ = {"GATEWAY_PORT": "2", "REDIS_URL": " ", "HOME": "/root"}
    assert configuration.read(tmp_path, environ) == {"REDIS_URL": "redis://file", "GATEWAY_PORT": "2", "HOME": "/root"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ("127.0.0.1", 6867)),
        ({"GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "80"}, ("127.0.0.1", 80)),  # noqa: S104 - as operators set it
        ({"GATEWAY_HOST": "[::]"}, ("::1", 6867)),
        ({"GATEWAY_HOST": "10.0.0.7"}, ("10.0.0.7", 6867)),
    ],
)
def test_the_gateway_is_asked_where_it_can_be_reached(said: dict[str, str], expected: tuple[str, int]) -> None:
    assert configuration.address(said) == expected


@pytest.mark.parametrize("name", ["KIMI_ACCOUNTS_FILE", "KIMI_REFRESH_TOKENS"])
def test_accounts_are_configured_by_either_variable(name: str, tmp_path: Path) -> None:
    assert configuration.has_accounts(tmp_path, {name: "something"})
    assert not configuration.has_accounts(tmp_path, {"KIMI_KIND": "kimi"})


def test_accounts_are_configured_by_the_usual_file(tmp_path: Path) -> None:
    (tmp_path / "accounts.yaml").touch()
    assert configuration.has_accounts(tmp_path, {})


def test_a_made_up_key_is_kept_and_a_configured_one_wins(tmp_path: Path) -> None:
    kept = tmp_path / "client-key"
    made = configuration.client_key({}, kept)
    assert len(made) > 40
    assert configuration.client_key({}, kept) == made
    kept.chmod(0o644)
    assert configuration.client_key({}, kept) == made
    assert kept.stat().st_mode & 0o777 == 0o600
    assert configuration.client_key({"GATEWAY_API_KEYS": "a, b"}, kept) == "a"


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ('{"data": [{"id": "kimi-k2"}, {"id": "kimi"}]}', "kimi"),
        ('{"data": [{"id": "kimi-k2.6"}]}', "kimi-k2.6"),
        ('{"data": []}', "kimi"),
        ("<html>", "kimi"),
    ],
)
def test_the_example_asks_for_a_model_that_there_is(listing: str, expected: str) -> None:
    assert probe.first_model(listing) == expected
