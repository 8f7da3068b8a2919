"""The kinds of account that a house is known by, and the forms in which answers come."""

from __future__ import annotations

from typing import Final

import pytest

from tests.system.stack import Stack

CLASSIC: Final = "kimi-classic"
CONNECT: Final = "kimi"
WEB: Final = (CLASSIC, CONNECT)
OFFICIAL_MODEL: Final = "kimi-k2.7-code"
AGENT: Final = "0123456789abcdefghij"

streaming = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
"""A test of both forms of an answer; it takes `streamed`."""


def is_classic(house: Stack) -> bool:
    """Which of the two houses it is."""
    return house.env["KIMI_KIND"] == CLASSIC


def web_accounts(house: Stack) -> list[str]:
    """The web accounts that are the operator's own, by name."""
    prefix = "kimi_classic" if is_classic(house) else "kimi"
    return [f"{prefix}-{number}" for number in range(2)]
