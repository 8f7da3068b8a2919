"""Asks a whole product odd things over HTTP: real processes, with the simulator in place of Kimi."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fuzz.guided import FOUND
from fuzz.questions import Dice
from fuzz.wire import Answer, ask
from tests.system.stack import KEY, Simulator, Stack

_FOLDER: Final = FOUND / "http"
ADMIN_KEY: Final = "sk-admin-key-of-fuzzing"
_ENV: Final = {"GATEWAY_ADMIN_KEY": ADMIN_KEY, "GATEWAY_QUEUE_SECONDS": "1", "KIMI_CONVERSATION_SECONDS": "600"}
_ACCOUNTS: Final = {"kimi": 6, "kimi_classic": 3, "moonshot": 1}
_PATIENCE: Final = 5.0
_AT_ONCE: Final = 6
_ERRORS: Final = ("Traceback (most recent call last)", '"level":"critical"')
_CODE: Final = re.compile(rb'"code":"(\w{1,40})"')
_FOLLOWED: Final = ("/admin/api/events",)
"""What never ends."""
_FAULTS: Final = (
    *("http", "reset", "close", "wrong_type", "empty_body", "broken_body", "error", "retract", "empty", "truncate"),
    *("no_end", "garbage", "bad_json", "bad_utf8", "unknown", "length", "finish", "content_filter", "gzip"),
)
"""What the simulator does to one chat in ten."""


@dataclass(slots=True)
class Found:
    """How many answers of which status came to what kind of request, and what is wrong."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, message: bytes, answer: Answer) -> None:
        """Count it, and keep it where it is one that may not be."""
        code = _CODE.search(answer.body) if answer.status >= 400 else None
        self.statuses.setdefault(kind, Counter())[
            f"{answer.status or 'none'} {code[1].decode() if code else ''}".strip()
        ] += 1
        why = _why(kind, message, answer)
        if why:
            path = _FOLDER / f"{len(self.wrong)}.txt"
            path.write_bytes(message + b"\n\n-- answered --\n\n" + answer.text)
            self.wrong.append(f"{why}: {message[:80]!r}, see {path}")

    def lines(self) -> Iterator[str]:
        """What is told at the end."""
        for kind, counted in sorted(self.statuses.items()):
            said = ", ".join(f"{count} × {status}" for status, count in sorted(counted.items()))
            yield f"{kind}: {counted.total()} requests: {said}"
        yield from self.wrong or ["nothing is wrong"]


def _why(kind: str, message: bytes, answer: Answer) -> str:
    if answer.status == 500:
        return "an error of the gateway"
    if not answer.is_whole and not any(path.encode() in message for path in _FOLLOWED):
        return f"no end within {_PATIENCE:g} seconds"
    if kind in ("value", "text") and not answer.status:
        return "no answer"
    if answer.status >= 400 and kind == "value" and b'"error":' not in answer.body:
        return "an error without its words"
    return ""


def run(requests: int, seed: int, *, faults: bool) -> int:
    """So many requests, with faults of the upstream's on top where they are wished for; the exit code."""
    shutil.rmtree(_FOLDER, ignore_errors=True)  # findings of the last run are none of this one's
    _FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), env=dict(_ENV), simulator_options=["--directives"])
        try:
            stack.start(**_ACCOUNTS)
            found = asked(stack.url, requests, seed, stack.simulator if faults else None)
        finally:
            stack.stop()
        processes = (*stack.gateways, *stack.refreshers)
        found.wrong += [
            f"{sign} in the log of the {one.name}" for one in processes for sign in _ERRORS if sign in one.said
        ]
        for one in processes:
            (_FOLDER / f"{one.name}.log").write_text(one.said, "utf-8")
    print("\n".join(found.lines()))
    return 1 if found.wrong else 0


def asked(url: str, requests: int, seed: int, simulator: Simulator | None) -> Found:
    """Ask what runs at `url`; `simulator` is to make faults."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:  # noqa: S310 - it is ours
        document = json.load(answer)
    found = Found()
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)

    def some(number: int) -> None:
        dice = Dice(document, f"{seed}-{number}", (ADMIN_KEY, KEY))
        for turn in range(requests // _AT_ONCE):
            if simulator is not None and turn % 10 == number:
                simulator.fault(_FAULTS[turn // 10 % len(_FAULTS)], match={"endpoint": "chat"})
            kind, message = _next(dice)
            answer = ask(address, message, is_all=kind in ("head", "noise"), patience=_PATIENCE)
            with found.lock:
                found.note(kind, message, answer)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(some, range(_AT_ONCE)))
    return found


def _next(dice: Dice) -> tuple[str, bytes]:
    match kind := dice.kind():
        case "value":
            return kind, dice.value().as_bytes()
        case "text":
            return kind, dice.text().as_bytes()
        case "head":
            return kind, dice.head()
    return kind, dice.noise()
