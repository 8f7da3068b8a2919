"""What the accounts of clients are called, each by the token that it began with."""

from __future__ import annotations

from typing import Final

_NAMED: Final = "private-"


def private_name(known_as: str) -> str:
    """The name of the account of whoever brings the token of that fingerprint along."""
    return f"{_NAMED}{known_as[:12]}"


def is_private(name: str) -> bool:
    """Whether the account of that name is such a one, or could be by its name."""
    return name.startswith(_NAMED)
