"""What all commands have in common."""

from __future__ import annotations

import os
from typing import Final

import click

DEV: Final = "./dev"
PROGRAM: Final = os.environ.get("CALLED_AS") or "python -m gateway.cli"
"""What the command line is called by, which its help and its advice repeat: `./dev` says so when it calls."""
WHO: Final = "command line"
"""Who has done what stands in the audit log."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
