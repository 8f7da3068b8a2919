"""What a pool of accounts can be asked, by the routes that its accounts serve."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from kimi.accounts import Kind
from kimi.chat import Feature
from kimi.scenarios import UNLISTED, Scenario, scenario_of
from kimi.web_models import DEFAULT, KNOWN_SCENARIOS, WEB_MODELS, classic_model, connect_model, is_agent

_ROUTE = re.compile(r"(kimi|kimi-classic|moonshot)(?::(.+))?")
_K_MODEL = re.compile(r"kimi-k(\d+)(?:\.(\d+))?(-\S+)?")
_PLAIN: Final = "kimi"
_BEST_OFFICIAL: Final = "kimi-k2.6"

_FEATURES: Mapping[str, Feature] = MappingProxyType({feature.value: feature for feature in Feature})
_CAN: Mapping[Kind, frozenset[Feature]] = MappingProxyType(
    {
        Kind.KIMI: frozenset({Feature.THINKING, Feature.SEARCH, Feature.SILENT}),
        Kind.CLASSIC: frozenset(Feature),
        Kind.MOONSHOT: frozenset(),
    }
)
_LISTED = (Feature.THINKING, Feature.SEARCH, Feature.RESEARCH, Feature.MATH)


class UnknownModel(LookupError):
    """No account here has a model of this name."""


class FeatureUnserved(LookupError):
    """The model is here, but no account can do what its name asks for beside. The text is for the client."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A model name, understood.

    `routes` are those of the pool that can serve it: `kimi`, `kimi:SCENARIO_K2`, `kimi-classic`, `moonshot:<model>`.
    Where nobody along them can be had, `otherwise` are those that will do as well.
    """

    name: str
    base: str
    features: frozenset[Feature]
    routes: tuple[str, ...]
    scenario: str = ""  # the entry of an account's list, where it is not what the base stands for
    official: str = ""  # its name at the official platform
    otherwise: tuple[str, ...] = ()

    def model_for(self, kind: Kind) -> str:
        """What `Chat.model` has to be for an account of `kind`."""
        chosen = {Kind.KIMI: self.scenario, Kind.MOONSHOT: self.official}.get(kind)
        return chosen or self.base


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be asked along which routes."""

    web: dict[Kind, list[str]] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)  # of accounts that may have any scenario
    scenarios: dict[Scenario, list[str]] = field(default_factory=dict)
    official: dict[str, list[str]] = field(default_factory=dict)

    def add(self, route: str) -> None:
        """Enter what can be asked along `route`."""
        found = _ROUTE.fullmatch(route)
        if found is None:  # of a newer release
            return
        kind, what = Kind(found[1]), found[2]
        if what is None:
            self.web.setdefault(kind, []).append(route)
        elif kind is Kind.MOONSHOT:
            self.official.setdefault(what, []).append(route)
        elif what == UNLISTED:
            self.unlisted.append(route)
        elif (scenario := scenario_of(what)) is not None:
            self.scenarios.setdefault(scenario, []).append(route)

    def select(self, name: str, wanted: str) -> Selection:
        """Who serves `wanted`, for a client that calls it `name`. Raises `UnknownModel` or `FeatureUnserved`."""
        base, features = self._parse(wanted)
        scenario, routes = self._web(base, features)
        official = self.official.get(wanted, [])
        if routes or official:
            return Selection(
                name, base, features, (*routes, *official), scenario=scenario, official=wanted if official else ""
            )
        if features and (self._web(base, frozenset())[1] or base in self.official):
            raise FeatureUnserved(_unserved(base, features))
        raise UnknownModel(name)

    def variants(self) -> Iterator[str]:
        """Every web base alone and with each feature, whether it is served or not."""
        for base in (*WEB_MODELS, *self._derived()):
            yield base
            for feature in _LISTED:
                yield f"{base}-{feature}"

    def best_official(self) -> str | None:
        """The current model of the official platform that may stand in for one that is retired."""
        return max((name for name in self.official if _K_MODEL.fullmatch(name)), key=_rank, default=None)

    def _parse(self, wanted: str) -> tuple[str, frozenset[Feature]]:
        """Base and features; a base of the web goes before one of the official platform. Raises `UnknownModel`."""
        derived = self._derived()
        parsed = _split(wanted, lambda base: base in WEB_MODELS or base in derived or is_agent(base))
        parsed = parsed or _split(wanted, lambda base: base in self.official)
        if parsed is None:
            raise UnknownModel(wanted)
        return parsed

    def _derived(self) -> dict[str, str]:
        """Names for the scenarios that we do not know."""
        unknown = sorted({scenario for scenario in self.scenarios if scenario.name not in KNOWN_SCENARIOS})
        return {_name_of(scenario): scenario.name for scenario in unknown}

    def _web(self, base: str, features: frozenset[Feature]) -> tuple[str, Sequence[str]]:
        """The entry to send to accounts of kind `kimi`, where it is not the base, and the routes of both web kinds."""
        scenario, routes = self._connect(base, features) if features <= _CAN[Kind.KIMI] else ("", [])
        if features <= _CAN[Kind.CLASSIC] and classic_model(base, features) is not None:
            routes = [*routes, *self.web.get(Kind.CLASSIC, ())]
        return scenario, routes

    def _connect(self, base: str, features: frozenset[Feature]) -> tuple[str, list[str]]:
        known = WEB_MODELS[base].scenarios if base in WEB_MODELS else ()
        names = [scenario.name for scenario in known] or [self._derived().get(base, "")]
        if is_agent(base) or DEFAULT in known:
            successor = self._successor()
            if successor is None:
                return "", self.web.get(Kind.KIMI, [])
            if is_agent(base) or base == _PLAIN:
                names = [successor]
        thinks = Feature.THINKING in features
        for position, scenario in enumerate(names):
            fitting = {s: r for s, r in self.scenarios.items() if s.name == scenario and (s.thinks or not thinks)}
            if fitting:
                chosen = max(fitting, key=lambda found: (found.thinks, found.kimiplus_id))
                routes = [r for found, r in fitting.items() if found.kimiplus_id == chosen.kimiplus_id]
                more = self.unlisted if known and position == 0 else []
                asked = replace(chosen, kimiplus_id=base) if is_agent(base) else chosen
                return "" if asked in known[:1] else asked.entry, [*(route for each in routes for route in each), *more]
        return "", self.unlisted if known else []

    def _successor(self) -> str | None:
        """The scenario that the vendor's page begins with, once that is another everywhere than the one we know."""
        if self.unlisted or any(scenario.name == DEFAULT.name for scenario in self.scenarios):
            return None
        return next((scenario.name for scenario in self.scenarios if scenario.is_default), None)


def _split(name: str, is_base: Callable[[str], bool]) -> tuple[str, frozenset[Feature]] | None:
    features: set[Feature] = set()
    while not is_base(name):
        name, dash, feature = name.rpartition("-")
        if not dash or feature not in _FEATURES:
            return None
        features.add(_FEATURES[feature])
    return name, frozenset(features)


def _name_of(scenario: Scenario) -> str:
    """Its base, unless that would be a name of ours with a feature, as `kimi-research` is."""
    is_ours = scenario.base in WEB_MODELS or scenario.base.removeprefix("kimi-") in _FEATURES
    return scenario.name.lower().replace("_", "-") if is_ours else scenario.base


def _rank(name: str) -> tuple[bool, bool, int, int]:
    """The place of an official model among those that may stand in for retired ones."""
    found = _K_MODEL.fullmatch(name)
    if found is None:
        return False, False, 0, 0
    return name == _BEST_OFFICIAL, not found[3], int(found[1]), int(found[2] or 0)


def _unserved(base: str, features: frozenset[Feature]) -> str:
    asked = ", ".join(f"`-{feature}`" for feature in sorted(features))
    models = {Kind.KIMI: connect_model(base, features), Kind.CLASSIC: classic_model(base, features)}
    kinds = [kind for kind, model in models.items() if model is not None and features <= _CAN[kind]]
    if not kinds:
        return f"No kind of account can do {asked} with `{base}`. GET /v1/models lists what is served here."
    return f"{asked} with `{base}` needs an account of kind {' or '.join(kinds)}; none here can do it."
