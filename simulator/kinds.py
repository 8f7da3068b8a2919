"""The three kinds of account, and so the three dialects."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Which dialect an account speaks."""

    KIMI = "kimi"
    CLASSIC = "kimi-classic"
    MOONSHOT = "moonshot"
