"""Steady requests whose answers are checked."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.system.stack import Stack

REFUSED = "nobody listens"


@dataclass
class Traffic:
    """`clients` threads that ask one question after the other until they are told to stop.

    A connection that is refused because nobody listens is tried again, as every client library does.
    `url` goes before the stack's own.
    """

    stack: Stack
    clients: int = 3
    model: str = "kimi"
    pause: float = 0.1
    url: str = ""
    good: int = 0
    refused: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    worst_seconds: float = 0.0
    good_seconds: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def running(self) -> Iterator[Traffic]:
        """Traffic while the block runs; every request that began is finished afterwards."""
        threads = [threading.Thread(target=self._ask_on) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def all(self) -> int:
        return self.good + sum(self.bad.values())

    def _ask_on(self) -> None:
        while not self._stop.wait(self.pause):
            number = next(self._numbers)
            started = time.monotonic()
            while (fate := self._ask(number)) == REFUSED and not self._stop.wait(self.pause):
                self.refused += 1
            with self._lock:
                seconds = time.monotonic() - started
                self.worst_seconds = max(self.worst_seconds, seconds)
                if fate:
                    self.bad[fate] += 1
                else:
                    self.good += 1
                    self.good_seconds.append(seconds)

    def _ask(self, number: int) -> str:
        """What went wrong, or nothing."""
        mark, stream = f"question-{number}-问题", number % 2 == 0
        try:
            response = self.stack.chat(mark, model=self.model, stream=stream, url=self.url)
            text = response.content.decode("utf-8")
        except requests.RequestException as error:
            return REFUSED if "Connection refused" in str(error) else f"{type(error).__name__}: {error}"
        if response.status_code != 200:
            return f"{response.status_code} {text[:200]}"
        return "" if mark in answer_of(text, stream=stream) else f"broken: {text[-300:]}"


def answer_of(text: str, *, stream: bool) -> str:
    """The answer's text, or nothing where it is not complete."""
    if not stream:
        return str(json.loads(text)["choices"][0]["message"]["content"])
    *chunks, done, _ = [line.removeprefix("data: ") for line in text.split("\n\n") if not line.startswith(":")]
    choices = [choice for chunk in chunks for choice in json.loads(chunk)["choices"]]
    complete = done == "[DONE]" and choices and choices[-1]["finish_reason"] == "stop"
    return "".join(choice["delta"].get("content", "") for choice in choices) if complete else ""
