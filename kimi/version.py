"""Which release this is. The containers hold the sources alone, so that nobody can ask an installed package."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.2.0"
