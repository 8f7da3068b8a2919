"""The command line: `python -m gateway.cli`, or `./dev accounts …` and `./dev drift` on a machine that runs `./dev up`.

It talks to Redis, to the accounts file or to an upstream, reads the same settings as the processes, and shows a secret
only where it is made or exported.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from gateway.cli_accounts import accounts
from gateway.cli_alerts import alerts
from gateway.cli_doctor import doctor
from gateway.cli_drift import drift
from gateway.cli_keys import keys
from gateway.cli_program import PROGRAM
from gateway.cli_secrets import secrets
from gateway.cli_status import status
from kimi.version import VERSION


class Program(click.Group):
    """A command line that says so where what it has to show cannot be written."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise click.ClickException(f"{error.strerror}: what came of this could not be shown") from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(prog)s %(version)s")
def main() -> None:
    """Look into a running gateway."""


main.add_command(accounts)
main.add_command(alerts)
main.add_command(doctor)
main.add_command(drift)
main.add_command(keys)
main.add_command(secrets)
main.add_command(status)


if __name__ == "__main__":
    main(prog_name=PROGRAM)
