from __future__ import annotations

from itertools import permutations

import pytest

from kimi.accounts import Kind
from kimi.chat import Feature
from kimi.models import WEB_MODELS, UnknownModel, classic_model, connect_model, listing, select

AGENT = "conpg00t7lagbbsfqkq0"
THINKING, SEARCH, RESEARCH, MATH, SILENT = (
    Feature.THINKING,
    Feature.SEARCH,
    Feature.RESEARCH,
    Feature.MATH,
    Feature.SILENT,
)


@pytest.mark.parametrize(
    ("name", "base", "features", "routes"),
    [
        ("kimi", "kimi", frozenset(), ("kimi", "kimi-classic")),
        ("moonshot-v1", "kimi", frozenset(), ("kimi", "kimi-classic")),
        ("kimi-latest", "kimi", frozenset(), ("kimi", "kimi-classic")),
        ("kimi-latest-search", "kimi", frozenset({SEARCH}), ("kimi", "kimi-classic")),
        ("kimi-thinking", "kimi", frozenset({THINKING}), ("kimi", "kimi-classic")),
        ("kimi-search-silent", "kimi", frozenset({SEARCH, SILENT}), ("kimi", "kimi-classic")),
        ("kimi-research", "kimi", frozenset({RESEARCH}), ("kimi-classic",)),
        ("kimi-math", "kimi", frozenset({MATH}), ("kimi-classic",)),
        ("kimi-k1", "kimi-k1", frozenset(), ("kimi-classic",)),
        ("kimi-k1.5-thinking", "kimi-k1.5", frozenset({THINKING}), ("kimi-classic",)),
        ("kimi-k2", "kimi-k2", frozenset(), ("kimi", "kimi-classic")),
        ("kimi-k2-thinking", "kimi-k2", frozenset({THINKING}), ("kimi",)),
        ("kimi-k2.6", "kimi-k2.6", frozenset(), ("kimi",)),
        ("kimi-k3-thinking", "kimi-k3", frozenset({THINKING}), ("kimi",)),
        (AGENT, AGENT, frozenset(), ("kimi", "kimi-classic")),
        (f"{AGENT}-search", AGENT, frozenset({SEARCH}), ("kimi", "kimi-classic")),
    ],
)
def test_a_name_is_a_base_and_features(
    name: str, base: str, features: frozenset[Feature], routes: tuple[str, ...]
) -> None:
    selection = select(name, ())

    assert (selection.name, selection.base, selection.features, selection.routes) == (name, base, features, routes)


def test_features_come_in_any_order() -> None:
    names = ["-".join(("kimi", *order)) for order in permutations(("thinking", "search", "silent"))]

    assert {select(name, ()).features for name in names} == {frozenset({THINKING, SEARCH, SILENT})}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-",
        "kimi-",
        "search",
        "-search",
        "gpt-4o",
        "KIMI",
        "kimi-k9",
        "kimi-searching",
        "kimi-k3-research",
        AGENT + "0",
        "kimi\n",
    ],
)
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownModel):
        select(name, ("kimi-k2.6",))


def test_a_model_of_the_official_platform_is_routed_by_its_own_name() -> None:
    selection = select("kimi-k2.7-code", ("kimi-k2.7-code",))

    assert selection.routes == ("moonshot:kimi-k2.7-code",)
    assert selection.base == "kimi-k2.7-code"
    assert selection.model_for(Kind.MOONSHOT) == "kimi-k2.7-code"


def test_a_name_that_both_worlds_have_is_routed_to_both() -> None:
    selection = select("kimi-k2-thinking", ("kimi-k2-thinking",))

    assert selection.routes == ("kimi", "moonshot:kimi-k2-thinking")
    assert selection.model_for(Kind.MOONSHOT) == "kimi-k2-thinking"
    assert selection.model_for(Kind.KIMI) == "kimi-k2"


def test_the_listing_holds_only_what_the_kinds_can_serve() -> None:
    assert "kimi-research" in listing({Kind.CLASSIC}, ())
    assert "kimi-k3" not in listing({Kind.CLASSIC}, ())
    assert "kimi-k3" in listing({Kind.KIMI}, ())
    assert "kimi-research" not in listing({Kind.KIMI}, ())
    assert listing({Kind.MOONSHOT}, ("kimi-k3", "kimi-k2.6")) == ["kimi-k2.6", "kimi-k3"]
    assert listing((), ()) == []


def test_every_listed_name_can_be_asked_for_and_stands_once() -> None:
    names = listing(list(Kind), ("kimi-k3", "moonshot-x"))

    assert len(names) == len(set(names))
    assert set(WEB_MODELS) | {"moonshot-x"} <= set(names)
    for name in names:
        assert select(name, ("kimi-k3", "moonshot-x")).routes


def test_an_agent_answers_in_both_dialects() -> None:
    classic, connect, thinking = classic_model(AGENT, ()), connect_model(AGENT, ()), connect_model(AGENT, {THINKING})

    assert classic is not None
    assert connect is not None
    assert thinking is not None
    assert (classic.kimiplus_id, connect.kimiplus_id, thinking.kimiplus_id) == (AGENT, AGENT, AGENT)
    assert (connect.thinking, thinking.thinking) == (False, True)


def test_a_dialect_without_the_model_says_so() -> None:
    assert classic_model("kimi-k3", ()) is None
    assert classic_model("gpt-4o", ()) is None
    assert connect_model("kimi-k1", ()) is None
    assert connect_model("gpt-4o", ()) is None
