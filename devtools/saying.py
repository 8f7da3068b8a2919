"""How `./dev` speaks: a line at once, and errors that are one line."""

from __future__ import annotations


class Trouble(Exception):
    """Something that whoever runs `./dev` has to see to; the text says what is wrong, where, and what to do."""


def say(line: str) -> None:
    """Tell whoever waits; at once, also into a pipe."""
    print(line, flush=True)
