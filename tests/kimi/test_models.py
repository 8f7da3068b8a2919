from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.accounts import Kind
from kimi.chat import Effort, Feature
from kimi.models import (
    WEB_MODELS,
    FeatureUnserved,
    Selection,
    UnknownModel,
    classic_model,
    connect_model,
    listing,
    select,
)
from tests.timing import within

AGENT = "conpg00t7lagbbsfqkq0"
THINKING, SEARCH, RESEARCH, MATH, SILENT = (
    Feature.THINKING,
    Feature.SEARCH,
    Feature.RESEARCH,
    Feature.MATH,
    Feature.SILENT,
)
WEB = ("kimi", "kimi:*", "kimi-classic")
FREE = ("kimi", "kimi:SCENARIO_K2", "kimi:SCENARIO_K2D5+thinking")
PAID = (*FREE, "kimi:SCENARIO_OK_COMPUTER/ok-computer+thinking")
NEWER = (*FREE, "kimi:SCENARIO_K4+thinking", "kimi:SCENARIO_K5D1/hermes")


def official(*names: str) -> tuple[str, ...]:
    return tuple(f"moonshot:{name}" for name in names)


@pytest.mark.parametrize("known", [(), WEB])
@pytest.mark.parametrize(
    ("name", "base", "features", "routes"),
    [
        ("kimi", "kimi", frozenset(), ("kimi", "kimi-classic")),
        ("kimi-thinking", "kimi", frozenset({THINKING}), ("kimi", "kimi-classic")),
        ("kimi-search-silent", "kimi", frozenset({SEARCH, SILENT}), ("kimi", "kimi-classic")),
        ("kimi-research", "kimi", frozenset({RESEARCH}), ("kimi-classic",)),
        ("kimi-math", "kimi", frozenset({MATH}), ("kimi-classic",)),
        ("kimi-k1", "kimi-k1", frozenset(), ("kimi-classic",)),
        ("kimi-k1.5-thinking", "kimi-k1.5", frozenset({THINKING}), ("kimi-classic",)),
        ("kimi-k2", "kimi-k2", frozenset(), ("kimi:*", "kimi-classic")),
        ("kimi-k2-thinking", "kimi-k2", frozenset({THINKING}), ("kimi:*",)),
        ("kimi-k2.6", "kimi-k2.6", frozenset(), ("kimi",)),
        ("kimi-k3-thinking", "kimi-k3", frozenset({THINKING}), ("kimi:*",)),
        (AGENT, AGENT, frozenset(), ("kimi", "kimi-classic")),
        (f"{AGENT}-search", AGENT, frozenset({SEARCH}), ("kimi", "kimi-classic")),
    ],
)
def test_a_name_is_a_base_and_features(
    known: tuple[str, ...], name: str, base: str, features: frozenset[Feature], routes: tuple[str, ...]
) -> None:
    assert select(name, known) == Selection(name, base, features, routes)


@given(st.lists(st.sampled_from(list(Feature)), max_size=8), st.sampled_from(["kimi", AGENT]))
def test_features_come_in_any_order_and_as_often_as_one_likes(features: list[Feature], base: str) -> None:
    routes = ("kimi-classic",) if THINKING not in features or base == "kimi" else WEB
    name = "-".join((base, *features))
    try:
        found = select(name, routes)
    except FeatureUnserved:  # an agent that thinks lives at accounts that do no research
        assert base == AGENT and not frozenset(features) <= {THINKING, SEARCH, SILENT}
    else:
        assert (found.base, found.features) == (base, frozenset(features))


def test_an_order_changes_nothing_but_the_name() -> None:
    names = ["-".join(("kimi", *order)) for order in permutations(("thinking", "search", "silent"))]

    assert {(select(name, WEB).features, select(name, WEB).routes) for name in names} == {
        (frozenset({THINKING, SEARCH, SILENT}), ("kimi", "kimi-classic"))
    }


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
        AGENT + "0",
        "kimi\n",
        "kimi:*",
        "SCENARIO_K2",
    ],
)
@pytest.mark.parametrize("routes", [(), WEB, PAID, official("kimi-k2.6")])
def test_other_names_are_unknown(name: str, routes: tuple[str, ...]) -> None:
    with pytest.raises(UnknownModel):
        select(name, routes)


@pytest.mark.parametrize("base", ["kimi", "x"])
def test_a_name_with_features_without_end_is_unknown_at_once(base: str) -> None:
    with within(1), pytest.raises(UnknownModel):  # each feature by itself took an hour
        select(base + "-thinking" * 1_000_000, WEB)


@pytest.mark.parametrize(
    ("name", "routes"),
    [
        ("kimi-k3", FREE),
        ("kimi-k3", ("kimi-classic",)),
        ("kimi-k3-research", ("kimi-classic",)),
        ("kimi-k1", PAID),
        ("kimi-k4", PAID),
        ("kimi-k2.7-code", WEB),
        (AGENT, official("kimi-k3")),
    ],
)
def test_a_model_that_no_account_has_is_unknown(name: str, routes: tuple[str, ...]) -> None:
    with pytest.raises(UnknownModel):
        select(name, routes)


@pytest.mark.parametrize(
    ("name", "routes", "told"),
    [
        ("kimi-research", PAID, "`-research` with `kimi` needs an account of kind kimi-classic"),
        ("kimi-math-search", FREE, "`-math`, `-search` with `kimi` needs an account of kind kimi-classic"),
        ("kimi-k3-research", PAID, "No kind of account can do `-research` with `kimi-k3`"),
        (f"{AGENT}-thinking", ("kimi-classic",), "needs an account of kind kimi;"),
        ("kimi-search", official("kimi-k2.6"), "needs an account of kind kimi;"),
        ("kimi-k2.6-search", official("kimi-k2.6"), "`-search` with `kimi-k2.6` needs an account of kind kimi;"),
        ("kimi-k2.7-code-search", official("kimi-k2.7-code"), "No kind of account can do `-search`"),
        ("kimi-k5.1-thinking", NEWER, "No kind of account can do `-thinking` with `kimi-k5.1`"),
    ],
)
def test_what_no_account_can_do_is_told_with_the_kind_that_could(name: str, routes: tuple[str, ...], told: str) -> None:
    with pytest.raises(FeatureUnserved) as raised:
        select(name, routes)
    assert told in str(raised.value)


def test_a_model_of_the_official_platform_is_routed_by_its_own_name() -> None:
    selection = select("kimi-k2.7-code", official("kimi-k2.7-code"))

    assert selection.routes == ("moonshot:kimi-k2.7-code",)
    assert selection.base == "kimi-k2.7-code"
    assert selection.model_for(Kind.MOONSHOT) == "kimi-k2.7-code"


def test_a_name_that_both_worlds_have_is_routed_to_both() -> None:
    selection = select("kimi-k2-thinking", (*WEB, *official("kimi-k2-thinking")))

    assert selection.routes == ("kimi:*", "moonshot:kimi-k2-thinking")
    assert selection.model_for(Kind.MOONSHOT) == "kimi-k2-thinking"
    assert selection.model_for(Kind.KIMI) == "kimi-k2"


def test_a_model_is_asked_of_the_accounts_that_list_it_and_of_those_that_may() -> None:
    assert select("kimi-k3", PAID).routes == ("kimi:SCENARIO_OK_COMPUTER/ok-computer+thinking",)
    assert select("kimi-k3", (*PAID, "kimi:*")).routes == (*select("kimi-k3", PAID).routes, "kimi:*")
    assert select("kimi-k3", PAID).model_for(Kind.KIMI) == "kimi-k3"
    assert select("kimi-k2.6", PAID).routes == select("kimi", PAID).routes == ("kimi",)


def test_a_model_goes_by_another_scenario_where_only_that_is_listed() -> None:
    selection = select("kimi-k3-thinking", (*FREE, "kimi:SCENARIO_K3+thinking", "kimi:*"))

    assert selection.routes == ("kimi:SCENARIO_K3+thinking",)
    made = connect_model(selection.model_for(Kind.KIMI), selection.features)
    assert made is not None
    assert (made.scenario, made.kimiplus_id, made.effort) == ("SCENARIO_K3", None, "REASONING_EFFORT_HIGH")


def test_only_accounts_whose_model_thinks_are_asked_to() -> None:
    routes = ("kimi", "kimi:SCENARIO_K2", "kimi:SCENARIO_K2+thinking")

    assert select("kimi-k2", routes).routes == ("kimi:SCENARIO_K2", "kimi:SCENARIO_K2+thinking")
    assert select("kimi-k2-thinking", routes).routes == ("kimi:SCENARIO_K2+thinking",)


def test_a_scenario_that_nobody_knows_is_a_model_all_the_same() -> None:
    plain, agent = select("kimi-k4-thinking", NEWER), select("kimi-k5.1-search", NEWER)

    assert (plain.routes, agent.routes) == (("kimi:SCENARIO_K4+thinking",), ("kimi:SCENARIO_K5D1/hermes",))
    made = [connect_model(found.model_for(Kind.KIMI), found.features) for found in (plain, agent)]
    assert [(m.scenario, m.kimiplus_id, m.thinking, m.effort) for m in made if m] == [
        ("SCENARIO_K4", None, True, None),
        ("SCENARIO_K5D1", "hermes", False, None),
    ]


def test_plain_names_follow_the_page_once_it_begins_with_another_model() -> None:
    moved = ("kimi", "kimi:SCENARIO_K2", "kimi:SCENARIO_K2D7+thinking+default")
    for name, sent in (
        ("kimi-thinking", ("SCENARIO_K2D7", None, True)),
        ("kimi-latest", ("SCENARIO_K2D7", None, False)),
        (f"{AGENT}-search", ("SCENARIO_K2D7", AGENT, False)),
        ("kimi-k2.7", ("SCENARIO_K2D7", None, False)),
    ):
        selection = select(name, moved)
        assert selection.routes == ("kimi:SCENARIO_K2D7+thinking+default",)
        made = connect_model(selection.model_for(Kind.KIMI), selection.features)
        assert made and (made.scenario, made.kimiplus_id, made.thinking) == sent
    with pytest.raises(UnknownModel):
        select("kimi-k2.6", moved)
    assert "kimi-k2.6" not in listing(moved)
    for more in ("kimi:*", "kimi:SCENARIO_K2D5+thinking"):  # others are not there yet
        assert select("kimi", (*moved, more)).routes == ("kimi",)


def test_a_scenario_is_never_taken_for_a_feature() -> None:
    routes = (*WEB, "kimi:SCENARIO_RESEARCH")

    assert select("kimi-research", routes).routes == ("kimi-classic",)
    assert select("scenario-research", routes).routes == ("kimi:SCENARIO_RESEARCH",)


def test_routes_of_a_newer_release_are_passed_over() -> None:
    assert select("kimi", ("kimi", "kimi-next", "kimi:NEWER", "x:y")).routes == ("kimi",)


def test_the_listing_holds_only_what_somebody_can_serve() -> None:
    free, paid, classic = listing(FREE), listing(PAID), listing(("kimi-classic",))

    assert {"kimi", "kimi-thinking", "kimi-search", "kimi-k2.6", "kimi-k2"} <= set(free)
    assert {"kimi-k3", "kimi-research", "kimi-k1", "kimi-k2-thinking"}.isdisjoint(free)
    assert {"kimi-k3", "kimi-k3-thinking"} <= set(paid)
    assert {"kimi-k1", "kimi-research", "kimi-math"} <= set(classic)
    assert "kimi-k3" not in classic
    assert {"kimi-k4", "kimi-k4-thinking", "kimi-k5.1"} <= set(listing(NEWER))
    assert "kimi-k5.1-thinking" not in listing(NEWER)
    assert {"kimi-k3", "kimi-k2-thinking"} <= set(listing(WEB))
    assert listing(official("kimi-k3", "kimi-k2.6")) == ["kimi-k2.6", "kimi-k3"]
    assert listing(()) == []


@pytest.mark.parametrize("routes", [WEB, PAID, NEWER, (*WEB, *official("kimi-k3", "moonshot-x"))])
def test_every_listed_name_can_be_asked_for_and_stands_once(routes: tuple[str, ...]) -> None:
    names = listing(routes)

    assert len(names) == len(set(names))
    for name in names:
        assert set(select(name, routes).routes) <= set(routes)


def test_an_agent_answers_in_both_dialects() -> None:
    classic, connect, thinking = classic_model(AGENT, ()), connect_model(AGENT, ()), connect_model(AGENT, {THINKING})

    assert classic is not None
    assert connect is not None
    assert thinking is not None
    assert (classic.kimiplus_id, connect.kimiplus_id, thinking.kimiplus_id) == (AGENT, AGENT, AGENT)
    assert (connect.thinking, thinking.thinking) == (False, True)


def test_a_dialect_without_the_model_says_so() -> None:
    assert classic_model("kimi-k3", ()) is None
    assert classic_model("kimi-k2", {THINKING}) is None
    assert classic_model("gpt-4o", ()) is None
    assert connect_model("kimi-k1", ()) is None
    assert connect_model("gpt-4o", ()) is None
    assert connect_model("SCENARIO_K2", {THINKING}) is None


EFFORTS: tuple[Effort | None, ...] = (None, "none", "low", "medium", "high", "max")


@pytest.mark.parametrize(
    ("base", "wished", "demanded"),
    [
        ("kimi", "NONE NONE LOW LOW LOW LOW", "LOW LOW LOW LOW LOW LOW"),
        ("kimi-k2.6", "NONE NONE LOW LOW LOW LOW", "LOW LOW LOW LOW LOW LOW"),
        ("kimi-k3", "LOW LOW LOW HIGH HIGH MAX", "HIGH LOW LOW HIGH HIGH MAX"),
        ("SCENARIO_K3+thinking", "LOW LOW LOW HIGH HIGH MAX", "HIGH LOW LOW HIGH HIGH MAX"),
    ],
)
def test_an_effort_is_met_as_well_as_the_model_can(base: str, wished: str, demanded: str) -> None:
    for features, words in (((), wished), ((THINKING,), demanded)):
        made = [connect_model(base, features, effort) for effort in EFFORTS]
        assert [m.effort for m in made if m] == [f"REASONING_EFFORT_{word}" for word in words.split()]
        calm = 0 if features else 2
        assert [m.thinking for m in made if m] == [False] * calm + [True] * (6 - calm)


@pytest.mark.parametrize("base", ["SCENARIO_K2", "SCENARIO_K4"])
def test_a_model_that_cannot_think_does_not(base: str) -> None:
    assert {connect_model(base, (), effort) for effort in EFFORTS} == {connect_model(base, ())}


def test_the_classic_dialect_thinks_or_does_not() -> None:
    def models(base: str, *features: Feature) -> list[str]:
        return [m.model for m in (classic_model(base, features, effort) for effort in EFFORTS) if m]

    assert models("kimi") == ["kimi", "kimi", "k1", "k1", "k1", "k1"]
    assert models("kimi", THINKING) == ["k1"] * 6
    assert models("kimi-k1.5", THINKING) == ["k1.5-thinking"] * 6
    assert models("kimi-k2") == ["k2"] * 6
    assert models(AGENT) == ["kimi"] * 6


def test_the_table_is_asked_for_by_its_own_names() -> None:
    assert set(WEB_MODELS) <= set(listing(WEB))
