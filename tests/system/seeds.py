"""Secrets that a test has sown, and whether anything of one of them is found in a text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

LEAST: Final = 16
"""So many characters of a secret in a row have leaked; what has fewer could be anything."""


class Seeds:
    """Knows secrets by the names that are said where one is found."""

    def __init__(self) -> None:
        self._windows: dict[str, str] = {}

    def sow(self, name: str, secret: str) -> str:
        """The secret, that will be known from now on as `name`. Of a JWT the first part, its algorithm, is none."""
        random = secret.partition(".")[2] if secret.startswith("eyJ") else secret
        assert len(random) >= LEAST, f"{name} is too short to be told from other texts"
        for form, text in forms(random):
            for place in range(len(text) - LEAST + 1):
                self._windows.setdefault(text[place : place + LEAST], f"{name}, {form}")
        return secret

    def found(self, text: str) -> set[str]:
        """The names of those of which `text` holds something, each with the form in which it does."""
        windows = (text[place : place + LEAST] for place in range(len(text) - LEAST + 1))
        return {self._windows[window] for window in windows if window in self._windows}

    def found_in(self, texts: Mapping[str, str]) -> dict[str, set[str]]:
        """The same by the names of `texts`; those in which there is nothing are left out."""
        return {where: found for where, text in texts.items() if (found := self.found(text))}


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """The ways in which a secret may be written, each with its name."""
    raw = secret.encode()
    yield "as it is", secret
    yield "for a URL", quote(secret, safe="")
    yield "as JSON", json.dumps(secret)[1:-1]
    yield "as hexadecimal digits", raw.hex()
    for before in range(3):  # how many bytes of something else stand in its first group of three
        coded = base64.b64encode(bytes(before) + raw).decode()
        whole = coded[-(-before * 4 // 3) : (before + len(raw)) * 4 // 3]
        yield "as base64", whole
        yield "as base64", whole.replace("+", "-").replace("/", "_")
