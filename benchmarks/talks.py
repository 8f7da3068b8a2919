"""Conversations as traffic: every answer is right, and the upstream has read all that was said once, in its order."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.system.stack import Stack
from tests.system.traffic import REFUSED, Traffic, answer_of

TURNS = 5
LONGEST_THOUGHT = 4.0
"""Seconds after which a client asks on: longer than a first chat stays."""


def prepare(stack: Stack) -> None:
    """Let the upstream answer so that nothing of the questions is in the answers."""
    stack.simulator.fault("answer", times=None, text="An answer.")


@dataclass
class Talks(Traffic):
    """Clients that send their whole history along, and go on at once or after a while."""

    fates: Counter[str] = field(default_factory=Counter)

    def _ask(self, number: int) -> str:
        dice, messages, marks = random.Random(number), list[dict[str, str]](), list[str]()
        for turn in range(TURNS):
            marks.append(f"<{number}-{turn}>")
            messages.append({"role": "user", "content": f"question {marks[-1]}"})
            stream = turn % 2 == 0
            try:
                response = self.stack.chat(model=self.model, stream=stream, url=self.url, messages=messages)
                text = response.content.decode("utf-8")
            except requests.RequestException as error:
                return REFUSED if "Connection refused" in str(error) else f"{type(error).__name__}: {error}"
            answer = answer_of(text, stream=stream) if response.status_code == 200 else ""
            if not answer:
                return f"{response.status_code} {text[-300:]}"
            if wrong := self._misread(marks):
                return wrong
            messages.append({"role": "assistant", "content": answer})
            if turn + 1 < TURNS:  # the last one is counted by who calls
                self.good += 1
            time.sleep(dice.choice([0.0, 0.0, dice.uniform(0.0, LONGEST_THOUGHT)]))
        return ""

    def _misread(self, marks: list[str]) -> str:
        """What the upstream has read too often, too late or not at all of what was said."""
        notes: list[dict[str, Any]] = self.stack.simulator.control("GET", "requests?endpoint=chat&last=60")
        read = [note["read"]["history"] + [note["prompt"]] for note in notes if marks[-1] in (note.get("prompt") or "")]
        if not read:
            return f"nobody was asked {marks[-1]}"
        self.fates["first" if len(marks) == 1 else "continued" if read[-1][1:] else "folded"] += 1
        whole = " ".join(read[-1])
        found = sorted((whole.find(mark), mark) for mark in marks for _ in range(whole.count(mark)))
        return "" if [mark for _, mark in found] == marks else f"the upstream has read {found} of {marks}"
