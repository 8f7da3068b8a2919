"""How `./dev` speaks: a line at once, and errors that are one line."""

from __future__ import annotations

import sys


class Trouble(Exception):
    """Something that whoever runs `./dev` has to see to; the text says what is wrong, where, and what to do.

    `code` is what `./dev` exits with.
    """

    def __init__(self, text: str, *, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def say(line: str) -> None:
    """Tell whoever waits; at once, also into a pipe."""
    print(line, flush=True)


def mention(line: str) -> None:
    """Tell what is done meanwhile, apart from what was asked for."""
    print(line, file=sys.stderr, flush=True)


def complain(trouble: Trouble) -> None:
    """Tell what kept us from doing what was asked."""
    print(f"dev: {trouble}", file=sys.stderr, flush=True)
