"""What lets a reader see other words than are there, or none."""

from __future__ import annotations

from typing import Final

UNSEEN: Final = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f"
)
"""What a terminal obeys, and what is not seen or turns the direction of writing, as ranges of a regular expression.

The two that join letters, or keep them apart, are not among them: emoji and some scripts are written with those.
"""
JOINERS: Final = r"\u200c\u200d"
"""Those two, for what is no text."""
