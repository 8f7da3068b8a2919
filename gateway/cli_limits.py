"""How limits are typed."""

from __future__ import annotations

from typing import Any, Final

import click

NONE: Final = "none"


class Count(click.ParamType[Any]):
    """A limit: a number, or that there is none, which is `none` or 0."""

    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; no limit is 0, as None would be an option that was not given."""
        return 0 if value == NONE else click.INT.convert(value, param, ctx)
