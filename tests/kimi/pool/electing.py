"""Those who elect a master, played."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from redis import Redis
from redis.exceptions import RedisError

from kimi.pool.voters import Place, Word

A, B = ("10.0.0.1", 6379), ("10.0.0.2", 6379)
NEAR, FAR = ("10.0.0.3", 6379), ("10.0.0.4", 6379)
BOTH, NOBODY = frozenset({NEAR, FAR}), frozenset[Place]()
NAMED = [f"redis://s{number}:26379/0" for number in (1, 2, 3)]


def word(voter: str, place: Place = A, epoch: int = 1) -> Word:
    return Word(place, epoch, replicas=BOTH, candidates=BOTH, is_calm=True, voter=voter, votes=3)


class Voters:
    """Those that are asked: what each says, and how often each was asked."""

    def __init__(self) -> None:
        self.says: dict[str, Word] = {name: word(name) for name in ("s1", "s2", "s3")}
        self.asked: Counter[str] = Counter()
        self.open = threading.Event()
        self.open.set()

    def __call__(self, _: Redis, place: Place) -> Word:
        self.asked[place[0]] += 1
        said = self.says.get(place[0])
        self.open.wait(10)
        if said is None:
            raise RedisError("is away")
        return said

    def say(self, word: Word, *voters: str) -> None:
        self.says |= {name: replace(word, voter=name) for name in voters or tuple(self.says)}

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Answers that are on their way for as long as the block runs."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()
