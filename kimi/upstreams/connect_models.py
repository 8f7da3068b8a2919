"""The models that an account of kind `kimi` may choose from, as the vendor's page asks for them.

Source: section 3 of the wire facts, "Model list". All names of this call stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from kimi.accounts import Account, Kind
from kimi.errors import BrokenAnswer
from kimi.scenarios import Scenario, scenario_of
from kimi.upstreams.drift import Drift
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line
from kimi.web_models import DEFAULT, KNOWN_SCENARIOS

_MOST: Final = 500  # rows of a list
_PATH: Final = "/apiv2/kimi.gateway.config.v1.ConfigService/GetAvailableModels"


class ConnectModels:
    """Asks accounts of kind `kimi` for their models."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def list_models(self, account: Account, token: str) -> tuple[str, ...]:
        """The entries (see `kimi.scenarios`) of what the account can be asked. Raises `KimiError`."""
        headers = {
            **web_headers(account, token, self._line.host(account)),
            "Content-Type": "application/json",
            "Connect-Protocol-Version": "1",
        }
        answer = self._line.call("POST", _PATH, account, headers=headers, content=orjson.dumps({}))
        if answer.status != 200:
            raise self._line.error(account, answer)
        entries = _entries(answer.json(), self._line.drift)
        if not entries:
            raise BrokenAnswer("the list of models is empty or no list")
        return entries


def _entries(body: object, drift: Drift) -> tuple[str, ...]:
    """One entry a scenario, which thinks where one of its rows does: the page shows both as models of their own."""
    listed = _either(body, "availableModels", "available_models")
    begins = _either(_either(body, "defaultScenario", "default_scenario"), "scenario")
    found: dict[tuple[str, str], Scenario] = {}
    for row in listed[:_MOST] if isinstance(listed, list) else ():
        scenario = _scenario(row)
        if scenario is None or scenario.name not in KNOWN_SCENARIOS:
            drift.note(Kind.KIMI, "scenario", _either(row, "scenario"), row)
        if scenario is not None:
            key = scenario.name, scenario.kimiplus_id
            found[key] = max(scenario, found.get(key, scenario))
    return tuple(
        replace(scenario, is_default=scenario.name == begins != DEFAULT.name).entry for scenario in found.values()
    )


def _scenario(row: object) -> Scenario | None:
    name, agent = _either(row, "scenario"), _either(row, "kimiPlusId", "kimi_plus_id", "kimiplus_id") or ""
    if not isinstance(name, str) or not isinstance(agent, str):
        return None
    return scenario_of(Scenario(name, agent, _either(row, "thinking") is True).entry)


def _either(row: object, *names: str) -> Any:
    """The first field that is there."""
    return next((row[name] for name in names if name in row), None) if isinstance(row, Mapping) else None
