"""The operator's keys, with which secrets are sealed before they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet

OF_THE_DEMO: Final = "b2YgdGhlIHNpbXVsYXRvciwgb2Ygbm9ib2R5IGVsc2U="
"""Stands in docker-compose.yml, for everybody to read."""


def new_key() -> str:
    """A key, fresh from the dice."""
    return Fernet.generate_key().decode()


def check_keys(keys: Sequence[str]) -> None:
    """Returns when all of them are keys. Raises `ValueError`, which says which one is none and does not show it."""
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            which = f"key {number} of {len(keys)}" if len(keys) > 1 else "what is set"
            raise ValueError(f"{which} is not 32 bytes in URL-safe base64, make one with ./dev secrets key") from None
