"""How an input is cut: whole, anyhow, and one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeVar

Cuttable = TypeVar("Cuttable", bytes, str)

SHORT: Final = 128
"""So much is tried one by one as well, which takes long."""


def ways(whole: Cuttable, seed: int) -> Iterator[Sequence[Cuttable]]:
    """The same input in pieces: one, what `seed` makes of it, empty ones among them, and as many as there can be."""
    yield [whole]
    dice = random.Random(seed)  # noqa: S311 - cuts are to be repeated, not secret
    cuts: list[int] = sorted(dice.randint(0, len(whole)) for _ in range(dice.randint(1, 16)))
    yield [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    if len(whole) <= SHORT:
        yield [whole[at : at + 1] for at in range(len(whole))]
