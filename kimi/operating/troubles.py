"""Why an operator does not get what he asked for; every text is a sentence for him."""

from __future__ import annotations


class NoSuchAccount(Exception):
    """There is no account of that name."""


class Refused(Exception):
    """It cannot be done to this account; the sentence says what can."""
