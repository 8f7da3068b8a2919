"""The models of the connect dialect, by scenario."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.accounts import Account
from simulator.reasons import Refusal

_SMALL = ("", "NONE", "LOW")
_BIG = ("", "LOW", "HIGH", "MAX")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One model of the list. `efforts` are the words that it takes after REASONING_EFFORT_."""

    name: str
    title: str
    efforts: tuple[str, ...]
    thinking: bool = True
    kimiplus_id: str = ""
    free: bool = True
    agent: bool = False


SCENARIOS = (
    Scenario("SCENARIO_K2D5", "K2.6", _SMALL),
    Scenario("SCENARIO_CHAT", "K2.6 Chat", _SMALL),
    Scenario("SCENARIO_OK_COMPUTER", "K3", _BIG, kimiplus_id="ok-computer", free=False, agent=True),
    Scenario("SCENARIO_K3", "K3", _BIG, free=False),
    Scenario("SCENARIO_K2", "K2", _SMALL, thinking=False),
)
DEFAULT = "SCENARIO_K2D5"


def offered(account: Account) -> list[Scenario]:
    """What an account may use: what its plan has, unless it was told otherwise."""
    if account.scenarios is not None:
        return [scenario for scenario in SCENARIOS if scenario.name in account.scenarios]
    return [scenario for scenario in SCENARIOS if scenario.free or account.plan != "free"]


def check_scenario(account: Account, name: str, effort: str) -> None:
    """Raises Refusal for a scenario that does not exist, is not in the plan, or an effort that it does not take."""
    scenario = next((scenario for scenario in SCENARIOS if scenario.name == name), None)
    if scenario is None:
        raise Refusal("invalid", f"unknown scenario {name!r}")
    if scenario not in offered(account):
        raise Refusal("plan")
    if effort.removeprefix("REASONING_EFFORT_") not in scenario.efforts:
        raise Refusal("invalid", f"{name} does not take {effort}")
