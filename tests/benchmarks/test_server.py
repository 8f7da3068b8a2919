"""The server that benchmarks measure says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.server import described, own_server
from devtools.valkey import ServerMissing, find_server
from kimi.pool import connect


def test_it_is_said_which_server_it_is_and_how_it_allocates() -> None:
    with own_server() as server, connect(server.url) as client:
        assert server.process
        said = described(server, client)
        mapped = Path(f"/proc/{server.process.pid}/maps")
        assert said.startswith(("Valkey ", "Redis "))
        assert said.endswith(", jemalloc") or (not mapped.exists() or "jemalloc" not in mapped.read_text())
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_another_program_is_started_where_one_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("VALKEY_SERVER", str(program))
    assert find_server() == str(program)
    monkeypatch.setenv("VALKEY_SERVER", str(tmp_path / "none"))
    with pytest.raises(ServerMissing, match="none, and there is no such program"):
        find_server()
