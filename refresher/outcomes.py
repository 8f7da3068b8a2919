"""How the refresh of one account can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How the refresh of one account ended."""

    REFRESHED = "refreshed"  # a fresh credential is stored
    NOT_DUE = "not_due"  # somebody else has done it, or there is nothing to do
    POSTPONED = "postponed"  # a passing failure
    SUPERSEDED = "superseded"  # another credential was stored meanwhile, and stays
    DEAD = "dead"
    LOST = "lost"  # dead, and an exchange before brought no answer: that answer held the token that is missing
    BANNED = "banned"
    UNSAVED = "unsaved"  # the process ended before the store came back
