"""What the command line is called by, which its help and its advice repeat."""

from __future__ import annotations

import os
from typing import Final

DEV: Final = "./dev"
PROGRAM: Final = os.environ.get("CALLED_AS") or "python -m gateway.cli"
"""`./dev` says so when it calls."""
