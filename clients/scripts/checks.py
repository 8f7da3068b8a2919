"""What the scripts of Python clients share: where to ask, and how they tell what came of a check. Only the standard
library: each script runs in the environment of its client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

URL = os.environ["CLIENT_URL"]
V1 = f"{URL}/v1"
KEY = os.environ["CLIENT_KEY"]
ADMIN_KEY = os.environ["CLIENT_ADMIN_KEY"]
MODEL = os.environ["CLIENT_MODEL"]
SIMULATOR = os.environ["CLIENT_SIMULATOR"]
FOLDER = os.environ["CLIENT_FOLDER"]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
"""A PNG of one pixel."""

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
"""The schema of the tool `get_weather`."""

TEXT = 'Bonjour à tous!\n\n1. 你好, 世界 🌍\n2. a < b && "c" \\ d'
"""An answer that has to arrive as it is."""
ASKED = f"bonjour [[sim {json.dumps({'text': TEXT, 'delay': 0.01}, ensure_ascii=False)}]]"
"""What it is the answer to. It comes in pieces, not all at once."""
_MARKS = ("<call-", "</call-", "<result-", "</result-", "<|tool_")

_checks: list[tuple[str, Callable[[], object]]] = []


class Skipped(Exception):
    """This cannot be tried here; the text says why."""


def check(name: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Registers what follows as a check of that name, `form: what`."""

    def register(what: Callable[[], object]) -> Callable[[], object]:
        _checks.append((name, what))
        return what

    return register


def main() -> None:
    """Run all checks and say what came of each, at once."""
    for name, what in _checks:
        said: dict[str, str] = {"check": name}
        try:
            what()
        except Skipped as reason:
            said["skipped"] = str(reason)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what we are here to see
            said["error"] = brief(error)
        tell(said)


def tell(said: dict[str, str]) -> None:
    """One line about a check."""
    print(json.dumps(said, ensure_ascii=False, separators=(",", ":")), flush=True)


def brief(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:600]


def directed(prompt: str, /, **script: Any) -> str:
    """A prompt that tells the simulator how to answer it."""
    return f"{prompt} [[sim {json.dumps(script, ensure_ascii=False)}]]"


def wanting(name: str, **arguments: Any) -> str:
    """A prompt after which the model wants to call that tool."""
    return directed(f"Use {name}, please.", calls=[{"name": name, "arguments": arguments}])


def fault(what: str, times: int, about: str, **args: Any) -> None:
    """The next so many chats that have `about` in them fail like this."""
    match = {"endpoint": "chat", "contains": about}
    body = json.dumps({"what": what, "times": times, "match": match, "args": args}).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{SIMULATOR}/_sim/faults", body, headers), timeout=10).close()  # noqa: S310


def reached(*parts: str) -> None:
    """Raises AssertionError unless one of the last questions that the upstream was asked came with all these words."""
    asked = _fetched(f"{SIMULATOR}/_sim/requests?endpoint=chat&last=5")
    texts = [json.dumps(question, ensure_ascii=False) for question in asked]
    true(any(all(part in text for part in parts) for text in texts), f"nobody was asked {parts}: {texts[-1:]}")


def models() -> set[str]:
    """What the gateway lists."""
    return {model["id"] for model in _fetched(f"{V1}/models", Authorization=f"Bearer {KEY}")["data"]}


def _fetched(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def thinking_model() -> str:
    """The present model with `-thinking`. Raises `Skipped` where it has no such twin."""
    name = f"{MODEL}-thinking"
    if name not in models():
        raise Skipped(f"{MODEL} does not think")
    return name


def is_official() -> bool:
    """Whether official keys answer."""
    return MODEL not in ("kimi", "kimi-k1.5")


def web_only(what: str) -> None:
    """Raises `Skipped` where official keys answer."""
    if is_official():
        raise Skipped(f"official keys have no {what}")


def command(*words: str, seconds: float = 60.0, input: str | None = None, **env: str) -> str:  # noqa: A002
    """What a command of the client says on its standard output. Raises AssertionError with all of it if it fails."""
    done = subprocess.run(
        words,
        env={**os.environ, **env},
        timeout=seconds,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
    )
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-4:]
        raise AssertionError(f"{words[0]} ended with {done.returncode}: {' / '.join(last)}")
    return done.stdout


def same(found: object, wanted: object) -> None:
    """Raises AssertionError that shows both where they differ."""
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def holds(text: object, part: str) -> None:
    """Raises AssertionError unless the text is one and has the part, and shows nothing of how tools are called."""
    if not isinstance(text, str) or part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")
    true(not any(mark in text for mark in _MARKS), f"marks of a call are in {text!r}")


def counted(prompt: int, completion: int, total: int) -> None:
    """Raises AssertionError unless these tokens are those of an answer."""
    true(prompt > 0 and completion > 0 and prompt + completion == total, f"{prompt} + {completion} = {total} tokens")


def true(value: object, what: str) -> None:
    """Raises AssertionError that says `what` is missing."""
    if not value:
        raise AssertionError(what)


def refused(kinds: type[BaseException] | tuple[type[BaseException], ...], ask: Callable[[], object]) -> Any:
    """The error of one of these kinds that `ask` has to raise."""
    try:
        answer = ask()
    except kinds as error:
        return error
    raise AssertionError(f"no error came, but {answer!r}")
