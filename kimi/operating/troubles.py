"""Why an operator does not get what he asked for; every text is a sentence for him."""

from __future__ import annotations

from typing import Final

UNREADABLE: Final = (
    "cannot be opened with any key of TOKEN_ENCRYPTION_KEYS: add the one that it was sealed with, behind the others, "
    "or enter the account anew, with a new token"
)
"""Of an account."""


class NoSuchAccount(Exception):
    """There is no account of that name."""


class Refused(Exception):
    """It cannot be done to this account; the sentence says what can."""
