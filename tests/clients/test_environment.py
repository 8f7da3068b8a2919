"""Environments of clients: where one cannot be made a line says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clients.catalogue import Client
from clients.environment import NotInstalled, make

UNKNOWN = Client(name="x", script="x.mjs", node=("file:no/such/folder@1.0.0",))


def test_without_npm_there_is_nothing_for_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match=r"\Athere is no npm on this machine\Z"):
        make(UNKNOWN, tmp_path)


def test_the_complaint_of_an_installer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code E404\nnpm error 404 Not Found\nA log is there.' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NotInstalled, match=r"\Anpm error code E404 / npm error 404 Not Found\Z"):
        make(UNKNOWN, tmp_path)
