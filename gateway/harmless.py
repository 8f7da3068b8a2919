"""The words at which one-api switches its channel to us off."""

from __future__ import annotations

CHANNEL_KILLERS = (
    "credit",
    "balance",
    "permission denied",
    "quota",
    "forbidden",
    "organization has been",
    "access was terminated",
    "violation of our policies",
    "api key not valid",
    "api key expired",
    "已欠费",
)
"""one-api switches a channel off when one of these stands in an error's text, in any case of its letters."""


def is_harmless(text: str) -> bool:
    """Whether `text` can stand in an error without harming a channel."""
    return not any(word in text.lower() for word in CHANNEL_KILLERS)
