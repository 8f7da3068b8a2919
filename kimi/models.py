"""The names clients use for models, and what each web dialect sends for them.

A name is a base (`kimi`, `kimi-k2.6`, an agent's id, …) and features in any order (`kimi-search-thinking`).
Models of the official platform keep their own names.
Scenarios, options and ids are those that public clients of Kimi's web chat send.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kimi.accounts import Kind
from kimi.chat import Feature

ALIASES: Mapping[str, str] = MappingProxyType({"moonshot-v1": "kimi", "kimi-latest": "kimi"})

_AGENT = re.compile(r"[0-9a-z]{20}")
_MOONSHOT_PREFIX = f"{Kind.MOONSHOT}:"


class UnknownModel(LookupError):
    """No upstream that we speak has a model of this name."""


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
    """A base name in both web dialects, plain and thinking; `None` where a dialect has no such thing."""

    classic: ClassicModel | None = None
    classic_thinking: ClassicModel | None = None
    connect: ConnectModel | None = None
    connect_thinking: ConnectModel | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A model name, understood.

    `routes` are the kinds of account that can serve it: `kimi`, `kimi-classic`, `moonshot:<model>`.
    """

    name: str
    base: str
    features: frozenset[Feature]
    routes: tuple[str, ...]

    def model_for(self, kind: Kind) -> str:
        """What `Chat.model` has to be for an account of `kind`: the name as asked for `moonshot`, else the base."""
        return self.name if kind is Kind.MOONSHOT else self.base


_K1 = ClassicModel("k1", "crm40ee9e5jvhsn7ptcg")
_K2D5 = ConnectModel("SCENARIO_K2D5", effort="REASONING_EFFORT_NONE")
_K2D5_THINKING = ConnectModel("SCENARIO_K2D5", thinking=True, effort="REASONING_EFFORT_LOW")

WEB_MODELS: Mapping[str, WebModel] = MappingProxyType(
    {
        "kimi": WebModel(ClassicModel("kimi"), _K1, _K2D5, _K2D5_THINKING),
        "kimi-k1": WebModel(_K1, _K1),
        "kimi-k1.5": WebModel(ClassicModel("k1.5"), ClassicModel("k1.5-thinking")),
        "kimi-k2": WebModel(
            ClassicModel("k2"), None, ConnectModel("SCENARIO_K2"), ConnectModel("SCENARIO_K2", thinking=True)
        ),
        "kimi-k2.5": WebModel(None, None, _K2D5, _K2D5_THINKING),
        "kimi-k2.6": WebModel(None, None, _K2D5, _K2D5_THINKING),
        "kimi-k3": WebModel(
            None,
            None,
            ConnectModel("SCENARIO_OK_COMPUTER", "ok-computer", effort="REASONING_EFFORT_LOW"),
            ConnectModel("SCENARIO_OK_COMPUTER", "ok-computer", thinking=True, effort="REASONING_EFFORT_HIGH"),
        ),
    }
)

_FEATURES: Mapping[str, Feature] = MappingProxyType({feature.value: feature for feature in Feature})
_CLASSIC_FEATURES = frozenset({Feature.THINKING, Feature.SEARCH, Feature.RESEARCH, Feature.MATH, Feature.SILENT})
_CONNECT_FEATURES = frozenset({Feature.THINKING, Feature.SEARCH, Feature.SILENT})
_LISTED = (Feature.THINKING, Feature.SEARCH, Feature.RESEARCH, Feature.MATH)


def select(name: str, moonshot_models: Collection[str]) -> Selection:
    """What `name` stands for, where `moonshot_models` are the ids that the pool's official keys serve.

    Raises `UnknownModel`.
    """
    parsed = _parse(name)
    routes = [kind.value for kind in (Kind.KIMI, Kind.CLASSIC) if parsed is not None and _serves(kind, *parsed)]
    if name in moonshot_models:
        routes.append(f"{_MOONSHOT_PREFIX}{name}")
    if not routes:
        raise UnknownModel(name)
    base, features = parsed if parsed is not None else (name, frozenset[Feature]())
    return Selection(name, base, features, tuple(routes))


def listing(kinds: Collection[Kind], moonshot_models: Collection[str]) -> list[str]:
    """The names to show: every base that accounts of `kinds` can serve, alone and with each feature; official ids."""
    names = [name for name, base, features in _variants() if any(_serves(kind, base, features) for kind in kinds)]
    return names + sorted(set(moonshot_models) - set(names))


def classic_model(base: str, features: Collection[Feature]) -> ClassicModel | None:
    """What the classic dialect sends, or `None` where it has no such model."""
    thinking = Feature.THINKING in features
    if base in WEB_MODELS:
        return WEB_MODELS[base].classic_thinking if thinking else WEB_MODELS[base].classic
    return ClassicModel("kimi", base) if is_agent(base) and not thinking else None


def connect_model(base: str, features: Collection[Feature]) -> ConnectModel | None:
    """What the Connect dialect sends, or `None` where it has no such model."""
    thinking = Feature.THINKING in features
    if base in WEB_MODELS:
        return WEB_MODELS[base].connect_thinking if thinking else WEB_MODELS[base].connect
    if not is_agent(base):
        return None
    chosen = _K2D5_THINKING if thinking else _K2D5
    return ConnectModel(chosen.scenario, base, chosen.thinking, chosen.effort)


def is_agent(base: str) -> bool:
    """Whether `base` is the id of a Kimi agent."""
    return _AGENT.fullmatch(base) is not None


def _parse(name: str) -> tuple[str, frozenset[Feature]] | None:
    features: set[Feature] = set()
    base = name
    while (base := ALIASES.get(base, base)) not in WEB_MODELS and not is_agent(base):
        base, dash, feature = base.rpartition("-")
        if not dash or feature not in _FEATURES:
            return None
        features.add(_FEATURES[feature])
    return base, frozenset(features)


def _serves(kind: Kind, base: str, features: frozenset[Feature]) -> bool:
    if kind is Kind.KIMI:
        return features <= _CONNECT_FEATURES and connect_model(base, features) is not None
    if kind is Kind.CLASSIC:
        return features <= _CLASSIC_FEATURES and classic_model(base, features) is not None
    return False


def _variants() -> Iterator[tuple[str, str, frozenset[Feature]]]:
    for base in WEB_MODELS:
        yield base, base, frozenset()
        for feature in _LISTED:
            yield f"{base}-{feature}", base, frozenset({feature})
