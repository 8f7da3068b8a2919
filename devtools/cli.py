"""The commands of `./dev`."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from devtools import lock, testing
from devtools.environment import make
from devtools.saying import Trouble, complain, say

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent

USAGE = """\
usage: ./dev COMMAND

  up [--no-demo]   make the environment and run the gateway, the refresher and what they need; Ctrl-C stops all of it
     [--traces]    with what traces need, see docs/logs.md
  accounts list    show the accounts of what runs here; --json for programs
  accounts add     take the accounts in a FILE (or standard input), whatever its form, into the pool that runs
  accounts import  the same, but into accounts.yaml
  accounts export  write accounts with their newest tokens to a file: -o FILE
  accounts test    ask accounts a tiny question; refresh, pause, resume, clear, edit and delete them; each with --help
  keys list        show the keys of clients; create NAME, edit NAME, revoke NAME, each with --help
  secrets status   show with which keys secrets in Redis are sealed; rotate seals them with the newest, key makes one
  alerts           show what is wrong (list), or try every destination with a message (test)
  status           show how all of it is at a glance; --json for programs
  doctor           check settings, Redis, clocks, upstreams, disks, releases, accounts and seals, and say what to do
  drift            show what Kimi says that this release does not know; --json for programs, --clear to forget it
  capture -o FILE  record one exchange with Kimi, redacted, to be shown to others and played again; --help tells more
  test [ARGUMENT…] make the environment and run every test, several side by side; arguments go to pytest
                   (a file, -k word) and let them run one after the other
  test --live      try the real service with an account of yours, step by step; says what it needs
  lint             check style and types
  audit            ask whether what is locked is known to have holes, and look for some in the workflows
  lock [--upgrade] compile the requirements files from pyproject.toml; needs uv
  --version        show which release this is
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code of `./dev`."""
    name, *rest = arguments or ["help"]
    try:
        match name:
            case "up" if set(rest) <= {"--no-demo", "--traces"}:
                further = [lock.TRACING] if "--traces" in rest else []
                become("devtools.up", *(word for word in rest if word != "--traces"), further=further)
            case "accounts" | "alerts" | "doctor" | "drift" | "keys" | "secrets" | "status":
                command(name, *rest)
            case "capture":
                become("devtools.capture", *rest)
            case "test":
                return test(*rest)
            case "audit" | "lint" if not rest:
                return audit() if name == "audit" else lint()
            case "lock":
                lock.compile_all(ROOT, rest)
                return 0
            case "help" | "-h" | "--help" | "--version":
                say(release() if name == "--version" else USAGE)
                return 0
    except Trouble as trouble:
        complain(trouble)
        return trouble.code
    except KeyboardInterrupt:
        return 130
    say(USAGE)
    return 64


def release() -> str:
    """Which release this is."""
    from kimi.version import VERSION  # noqa: PLC0415 - nothing else of this needs the sources

    return f"./dev {VERSION}"


def test(*words: str) -> int:
    """Run the tests, or with `--live` those that try the real service."""
    if "--live" in words:
        become("devtools.live", *(word for word in words if word != "--live"))
    if words:
        return run("-m", "pytest", *words)
    with testing.files_in_memory() as variables:
        return run("-m", "pytest", *testing.everything(os.cpu_count() or 1), **variables)


def lint() -> int:
    """Check style and types."""
    return run("-m", "ruff", "check") or run("-m", "ruff", "format", "--check") or run("-m", "mypy")


def audit() -> int:
    """Ask the advisories for every version that is locked: what they cannot tell of one is an error as well."""
    python = make(ROOT, [lock.AUDIT])
    files = [word for name in lock.SOURCES for word in ("-r", name)]
    advisories = [str(python), "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes", *files]
    workflows = [str(python.with_name("zizmor")), "--offline", ".github"]
    return run_all(advisories, workflows)


def run_all(*commands: Sequence[str]) -> int:
    """Run each of them, whatever comes of the others; 0 if all succeed, else 1."""
    codes = [subprocess.run(words, cwd=ROOT, check=False).returncode for words in commands]
    return int(any(codes))  # one that a signal has ended has a negative one


def command(*words: str) -> NoReturn:
    """Hand this process over to the gateway's command line, with the Redis of this folder where it needs one."""
    os.environ["CALLED_AS"] = "./dev"
    if words[:2] == ("accounts", "import"):
        become("gateway.cli", *map(from_here, words))
    if words[:2] == ("secrets", "key"):
        become("gateway.cli", *words)
    if words[:2] == ("accounts", "add"):
        words = (*words[:2], *map(from_here, words[2:]))
    if words[:2] == ("accounts", "export"):
        words = tuple(to_here(before, word) for before, word in pairwise(("", *words)))
    become("devtools.command", *words)


def from_here(word: str) -> str:
    """`word`, if it is a file of the folder that `./dev` was called in, for somebody in another folder."""
    try:
        return str(Path(word).absolute()) if Path(word).is_file() else word
    except OSError:  # it is longer than any name of a file
        return word


def to_here(before: str, word: str) -> str:
    """`word` with the file of the option `-o` in the same way; it need not be there. `-` is none."""
    option = next((each for each in ("--output=", "-o") if word.startswith(each)), "")
    file = word.removeprefix(option)
    is_output = bool(option) or before in {"-o", "--output"}
    return option + str(Path(file).absolute()) if is_output and file not in {"", "-"} else word


def become(module: str, *words: str, further: Sequence[str] = ()) -> NoReturn:
    """Go on as a module of ours, inside the environment, which holds `further` requirements as well."""
    python = make(ROOT, [lock.RUNTIME, lock.EMBEDDED, *further])
    os.chdir(ROOT)
    os.execv(python, [str(python), "-m", module, *words])


def run(*words: str, **variables: str) -> int:
    """Run a tool of the development environment in the project's folder; our own variables go before `variables`."""
    python = make(ROOT, [lock.DEVELOPMENT])
    return subprocess.run([str(python), *words], cwd=ROOT, env={**variables, **os.environ}, check=False).returncode
