"""The models of Kimi's web chat by the vendor's own names, as accounts of kind `kimi` list them.

An account's list is kept, and its requests are routed, by entries such as `SCENARIO_K2`, `SCENARIO_K2D5+thinking` or
`SCENARIO_OK_COMPUTER/ok-computer+thinking`: the scenario, the agent that it needs, and whether it can think. `+default`
stands behind the one that the vendor's page begins with, where that is not the one that we know as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNLISTED = "*"
"""The entry of an account that has told no list so far: it is taken to have the scenarios that we know."""

_ENTRY = re.compile(r"(SCENARIO_[A-Z0-9_]{1,60})(?:/([\w.-]{1,64}))?(\+thinking)?(\+default)?", re.ASCII)
_VERSION = re.compile(r"k(\d+)d(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Scenario:
    """A model that the vendor offers. `kimiplus_id` is the agent that goes with it, where there is one."""

    name: str
    kimiplus_id: str = ""
    thinks: bool = False
    is_default: bool = False

    @property
    def entry(self) -> str:
        """How it stands in lists and routes."""
        agent = f"/{self.kimiplus_id}" if self.kimiplus_id else ""
        return f"{self.name}{agent}{'+thinking' * self.thinks}{'+default' * self.is_default}"

    @property
    def base(self) -> str:
        """A name for clients, made of the vendor's: `SCENARIO_K4` is `kimi-k4`, `SCENARIO_K2D7` is `kimi-k2.7`."""
        word = self.name.removeprefix("SCENARIO_").lower()
        return "kimi-" + _VERSION.sub(r"k\1.\2", word).replace("_", "-")


def scenario_of(entry: str) -> Scenario | None:
    """The scenario behind an entry, or `None` for what is no entry."""
    found = _ENTRY.fullmatch(entry)
    return Scenario(found[1], found[2] or "", bool(found[3]), bool(found[4])) if found else None
