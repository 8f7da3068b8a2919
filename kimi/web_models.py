"""What each web dialect sends for a base name, and for a wish to think more or less.

Scenarios, options and ids are those that public clients of Kimi's web chat send.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kimi.chat import Effort, Feature
from kimi.scenarios import Scenario, scenario_of

_AGENT = re.compile(r"[0-9a-z]{20}")


@dataclass(frozen=True, slots=True)
class ClassicModel:
    """What the classic dialect sends for a model: the field `model`, and the agent that answers."""

    model: str
    kimiplus_id: str = "kimi"


@dataclass(frozen=True, slots=True)
class ConnectModel:
    """What the Connect dialect sends for a model. `None` leaves a key out."""

    scenario: str
    kimiplus_id: str | None = None
    thinking: bool = False
    effort: str | None = None


@dataclass(frozen=True, slots=True)
class WebModel:
    """A base name in both web dialects; `None` and empty where a dialect has no such thing.

    `scenarios` are those that are this model, the one that we know best first; `efforts` are the vendor's words.
    """

    classic: ClassicModel | None = None
    classic_thinking: ClassicModel | None = None
    scenarios: tuple[Scenario, ...] = ()
    efforts: Mapping[Effort, str] = field(default_factory=dict)


_K1 = ClassicModel("k1", "crm40ee9e5jvhsn7ptcg")
DEFAULT = Scenario("SCENARIO_K2D5", thinks=True)
"""The scenario of the page when nobody has chosen: every account of kind `kimi` has it."""
_K2_EFFORTS: Mapping[Effort, str] = {"none": "NONE", "low": "LOW", "medium": "LOW", "high": "LOW", "max": "LOW"}
_K3_EFFORTS: Mapping[Effort, str] = {"none": "LOW", "low": "LOW", "medium": "HIGH", "high": "HIGH", "max": "MAX"}

WEB_MODELS: Mapping[str, WebModel] = MappingProxyType(
    {
        "kimi": WebModel(ClassicModel("kimi"), _K1, (DEFAULT,), _K2_EFFORTS),
        "kimi-k1": WebModel(_K1, _K1),
        "kimi-k1.5": WebModel(ClassicModel("k1.5"), ClassicModel("k1.5-thinking")),
        "kimi-k2": WebModel(ClassicModel("k2"), None, (Scenario("SCENARIO_K2", thinks=True),)),
        "kimi-k2.5": WebModel(None, None, (DEFAULT,), _K2_EFFORTS),
        "kimi-k2.6": WebModel(None, None, (DEFAULT, Scenario("SCENARIO_CHAT", thinks=True)), _K2_EFFORTS),
        "kimi-k3": WebModel(
            None,
            None,
            (Scenario("SCENARIO_OK_COMPUTER", "ok-computer", thinks=True), Scenario("SCENARIO_K3", thinks=True)),
            _K3_EFFORTS,
        ),
    }
)

_EFFORTS: Mapping[str, Mapping[Effort, str]] = {
    scenario.name: model.efforts for model in WEB_MODELS.values() for scenario in model.scenarios
}
KNOWN_SCENARIOS = frozenset(_EFFORTS)
"""Scenarios that are models of the table."""


def classic_model(base: str, features: Collection[Feature], effort: Effort | None = None) -> ClassicModel | None:
    """What the classic dialect sends, or `None` where it has no such model.

    The feature is a demand to think, `effort` a wish that a model without thinking leaves unmet.
    """
    demanded = Feature.THINKING in features
    if base not in WEB_MODELS:
        return ClassicModel("kimi", base) if is_agent(base) and not demanded else None
    plain, thinking = WEB_MODELS[base].classic, WEB_MODELS[base].classic_thinking
    if demanded:
        return thinking
    return thinking if effort not in {None, "none"} and thinking is not None else plain


def connect_model(base: str, features: Collection[Feature], effort: Effort | None = None) -> ConnectModel | None:
    """What the Connect dialect sends, or `None` where it has no such model.

    `base` may also be an entry of an account's own list. The feature is a demand to think, `effort` a wish.
    """
    scenario, demanded = _scenario(base), Feature.THINKING in features
    if scenario is None or (demanded and not scenario.thinks):
        return None
    level = _level(effort, demanded=demanded) if scenario.thinks else "none"
    word = _EFFORTS.get(scenario.name, {}).get(level)
    return ConnectModel(
        scenario.name,
        (base if is_agent(base) else scenario.kimiplus_id) or None,
        level != "none",
        None if word is None else f"REASONING_EFFORT_{word}",
    )


def is_agent(base: str) -> bool:
    """Whether `base` is the id of a Kimi agent."""
    return _AGENT.fullmatch(base) is not None


def _scenario(base: str) -> Scenario | None:
    if base in WEB_MODELS:
        return next(iter(WEB_MODELS[base].scenarios), None)
    return DEFAULT if is_agent(base) else scenario_of(base)


def _level(effort: Effort | None, *, demanded: bool) -> Effort:
    """How much a model thinks that can. Where it has to, "none" is as little as there is."""
    if effort is None:
        return "high" if demanded else "none"
    return "low" if demanded and effort == "none" else effort
