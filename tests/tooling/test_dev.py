"""What `./dev` says when it cannot do what it was asked for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devtools import cli, command, testing
from devtools.cli import run_all
from devtools.saying import Trouble
from kimi.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone has of `./dev`, with nothing made yet."""
    shutil.copytree(ROOT / "devtools", tmp_path / "devtools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "dev",
        "requirements.txt",
        "requirements-embedded.txt",
        "requirements-otel.txt",
        "requirements-dev.txt",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def dev(clone: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `./dev` where neither uv nor a configuration of pip is found."""
    env = {"PATH": str(clone), "HOME": str(clone), "PIP_CONFIG_FILE": os.devnull, **variables}
    return subprocess.run(
        [sys.executable, "-B", "dev", *arguments], cwd=clone, env=env, capture_output=True, text=True, check=False
    )


def test_an_index_out_of_reach_is_named_with_what_may_help(clone: Path) -> None:
    finished = dev(clone, "test", PIP_INDEX_URL="http://me:secret@127.0.0.1:1/simple")
    assert finished.returncode == 1
    assert finished.stdout == ""
    *_, line = finished.stderr.splitlines()
    assert line.startswith("dev: pip cannot be fetched: http://127.0.0.1:1/simple/pip/ cannot be read (")
    assert "PIP_INDEX_URL" in line
    assert "secret" not in finished.stdout + finished.stderr


def test_what_traces_need_is_installed_where_it_is_asked_for(clone: Path) -> None:
    for further, files in (([], ""), (["--traces"], " and requirements-otel.txt")):
        finished = dev(clone, "up", *further, PIP_INDEX_URL="http://127.0.0.1:1/simple")
        assert f"Installing requirements.txt and requirements-embedded.txt{files} into .venv" in finished.stderr


def test_a_failed_installation_is_tried_again_the_next_time(clone: Path) -> None:
    assert dev(clone, "test", PIP_INDEX_URL="http://127.0.0.1:1/simple").returncode == 1
    assert dev(clone, "test", PIP_INDEX_URL="http://127.0.0.1:2/simple").stderr.count("127.0.0.1:2") == 1


def test_a_folder_that_cannot_be_written_is_named(clone: Path) -> None:
    (clone / ".data").touch()
    finished = dev(clone, "up")
    assert finished.returncode == 1
    assert finished.stderr == f"dev: {clone}/.data cannot be made: File exists.\n"


def test_a_file_in_the_way_of_the_environment_is_named(clone: Path) -> None:
    (clone / ".venv").touch()
    finished = dev(clone, "up")
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"dev: {clone}/.venv")


@pytest.mark.parametrize("is_there", [True, False])
def test_an_environment_behind_a_link_is_left_alone(clone: Path, is_there: bool) -> None:
    elsewhere = clone / "elsewhere"
    if is_there:
        elsewhere.mkdir()
        (elsewhere / "mine").touch()
    (clone / ".venv").symlink_to(elsewhere)
    finished = dev(clone, "up")
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"dev: {clone}/.venv is a link") and "remove the link" in line
    assert [each.name for each in elsewhere.glob("*")] == (["mine"] if is_there else [])


def test_an_environment_that_was_moved_behind_a_link_is_used(clone: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple"}
    assert "pip cannot be fetched" in dev(clone, "up", **nowhere).stderr
    folder, moved = clone / ".venv", clone / "elsewhere"
    names = ("requirements.txt", "requirements-embedded.txt")
    files = {name: hashlib.sha256((clone / name).read_bytes()).hexdigest() for name in names}
    (folder / "installed.json").write_text(json.dumps({"identity": [str(folder), sys.version], "files": files}))
    folder.rename(moved)
    folder.symlink_to(moved)
    finished = dev(clone, "up")
    assert "No module named 'dotenv'" in finished.stderr, "it was started in the environment, in which nothing is"
    assert folder.is_symlink()


def test_lock_says_that_it_needs_uv(clone: Path) -> None:
    finished = dev(clone, "lock")
    assert finished.returncode == 1
    assert finished.stderr.startswith("dev: uv compiles the requirements, and it is not on PATH")


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_lists_the_commands(clone: Path, arguments: list[str]) -> None:
    finished = dev(clone, *arguments)
    assert finished.returncode == 0
    assert all(f"\n  {command} " in finished.stdout for command in ("up", "test", "lint", "audit", "lock"))
    assert not (clone / ".venv").exists()


def test_an_unknown_command_is_an_error(clone: Path) -> None:
    finished = dev(clone, "fly")
    assert finished.returncode == 64
    assert finished.stdout.startswith("usage: ./dev")


def test_what_a_signal_has_ended_has_not_succeeded() -> None:
    killed = (sys.executable, "-c", "import os; os.abort()")
    assert run_all((sys.executable, "-c", "")) == 0
    assert run_all(killed, (sys.executable, "-c", "")) == 1


def test_the_release_is_told() -> None:
    finished = dev(ROOT, "--version")
    assert (finished.returncode, finished.stdout) == (0, f"./dev {VERSION}\n")


def test_all_tests_run_side_by_side_and_none_is_forgotten() -> None:
    assert testing.everything(2)[:2] == ["-n", "6"]
    assert testing.everything(64)[:2] == ["-n", "8"]
    folders = {file.relative_to(ROOT).parts[:2] for file in ROOT.glob("tests/**/test_*.py")}
    assert sorted(word for word in testing.everything(2) if "/" in word) == sorted(map("/".join, folders))


def test_files_of_tests_are_kept_in_memory_where_there_is_room(tmp_path: Path) -> None:
    with testing.files_in_memory(tmp_path, 1) as variables:
        folder = Path(variables["PYTEST_DEBUG_TEMPROOT"])
        assert folder.parent == tmp_path
        (folder / "left").write_text("behind")
    assert not list(tmp_path.iterdir())
    for memory, room in ((tmp_path, 2**62), (tmp_path / "missing", 1)):
        with testing.files_in_memory(memory, room) as variables:
            assert variables == {}


def test_doctor_checks_what_it_can_where_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "GATEWAY_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    words, environment = command.called(tmp_path, ["doctor", "--json"])
    assert words == ["doctor", "--json", "--idle"]
    assert len(environment["GATEWAY_API_KEYS"]) > 16
    assert not Path(environment["REDIS_URL"].removeprefix("unix://")).exists()
    assert not (tmp_path / ".data/client-key").exists()
    with pytest.raises(Trouble, match="nothing runs in this folder"):
        command.called(tmp_path, ["status"])
    assert command.called(tmp_path, ["keys", "--help"])[0] == ["keys", "--help"]


def test_what_runs_is_called_with_what_was_noted_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("GATEWAY_PORT", "6867")
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data/address.env").write_text("GATEWAY_HOST=127.0.0.1\nGATEWAY_PORT=7300\n")
    words, environment = command.called(tmp_path, ["doctor"])
    assert (words, environment["GATEWAY_PORT"]) == (["doctor", "--here"], "7300")


def test_files_are_those_of_the_folder_in_which_it_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").touch()
    assert [cli.from_here(word) for word in ("mine", "-", "alice")] == [str(tmp_path / "mine"), "-", "alice"]
    assert cli.from_here("x" * 5000) == "x" * 5000
    assert cli.to_here("-o", "new") == cli.to_here("--output", "new") == str(tmp_path / "new")
    assert cli.to_here("export", "-onew") == f"-o{tmp_path / 'new'}"
    assert cli.to_here("export", "--output=new") == f"--output={tmp_path / 'new'}"
    assert [cli.to_here("export", word) for word in ("mine", "-o", "--output")] == ["mine", "-o", "--output"]
    assert (cli.to_here("-o", "-"), cli.to_here("export", "-o-")) == ("-", "-o-")


def test_what_a_killed_one_left_behind_is_not_taken_for_a_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    note, server = tmp_path / ".data" / "redis-url", tmp_path / "valkey.sock"
    note.parent.mkdir()
    note.write_text(f"unix://{server}?db=1\n", "utf-8")
    with pytest.raises(Trouble, match="nothing runs in this folder"):
        command.store_url(tmp_path)
    server.touch()
    assert command.store_url(tmp_path) == f"unix://{server}?db=1"
