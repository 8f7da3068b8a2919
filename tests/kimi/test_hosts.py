"""Which hosts are this machine's alone."""

from __future__ import annotations

import pytest

from kimi.hosts import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LocalHost"])
def test_loopback_is_for_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "10.0.0.1", "localhost.example.com", "*", ""])  # noqa: S104
def test_everything_else_is_for_others_too(host: str) -> None:
    assert not is_loopback(host)
