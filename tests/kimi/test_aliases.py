"""Other names for models: retired ones, and the operator's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.accounts import Kind
from kimi.aliases import meanings, parse
from kimi.chat import Feature
from kimi.models import FeatureUnserved, UnknownModel, listing, select

WEB = ("kimi", "kimi:*", "kimi-classic")
FREE = ("kimi", "kimi:SCENARIO_K2", "kimi:SCENARIO_K2D5+thinking")
RETIRED = [
    "moonshot-v1",
    *(f"moonshot-v1-{size}" for size in ("8k", "32k", "128k", "auto", "8k-vision-preview")),
    "kimi-latest",
    "kimi-latest-128k",
    "kimi-k2-0711-preview",
    "kimi-k2-0905-preview",
    "kimi-k2-turbo-preview",
    "kimi-thinking-preview",
    "kimi-k2-thinking-turbo",
]


def official(*names: str) -> tuple[str, ...]:
    return tuple(f"moonshot:{name}" for name in names)


@pytest.mark.parametrize("name", RETIRED)
def test_a_retired_name_reaches_what_is_there(name: str) -> None:
    web = select(name, WEB)
    key = select(name, official("kimi-k3", "kimi-k2.6"))

    assert (web.name, web.base, web.routes) == (name, "kimi", ("kimi", "kimi-classic"))
    assert web.features == ({Feature.THINKING} if "thinking" in name else set())
    assert (key.name, key.routes, key.model_for(Kind.MOONSHOT)) == (name, ("moonshot:kimi-k2.6",), "kimi-k2.6")


def test_features_stand_behind_a_retired_name_as_behind_any_other() -> None:
    assert select("moonshot-v1-8k-search-thinking", WEB).features == {Feature.SEARCH, Feature.THINKING}
    with pytest.raises(FeatureUnserved):
        select("moonshot-v1-8k-search", official("kimi-k2.6"))


@pytest.mark.parametrize(
    ("listed", "best"),
    [
        (("kimi-k3", "kimi-k2.7-code", "kimi-k2.6"), "kimi-k2.6"),
        (("kimi-k2.7-code", "kimi-k3", "kimi-k2.5"), "kimi-k3"),
        (("kimi-k2.7-code", "moonshot-v1-8k"), "kimi-k2.7-code"),
        (("kimi-k10", "kimi-k9.9"), "kimi-k10"),
    ],
)
def test_a_pool_of_official_keys_answers_with_a_current_model(listed: tuple[str, ...], best: str) -> None:
    assert select("kimi", official(*listed)).model_for(Kind.MOONSHOT) == best
    assert select("kimi-latest", official(*listed)).routes == official(best)


def test_nothing_stands_in_where_nothing_is_like_it() -> None:
    with pytest.raises(UnknownModel):
        select("kimi", official("deepseek-chat"))


def test_an_alias_never_hides_a_model_that_is_listed() -> None:
    own = parse(("kimi-k3=kimi-k2.6", "moonshot-v1-8k=kimi", "gpt-4o=kimi"))

    assert select("moonshot-v1-8k", (*WEB, *official("moonshot-v1-8k")), own).routes == official("moonshot-v1-8k")
    assert select("kimi-k3", ("kimi", "kimi:SCENARIO_K3+thinking"), own).base == "kimi-k3"
    assert select("kimi-k3", FREE, own).base == "kimi-k2.6"


def test_a_name_whose_model_cannot_do_it_may_still_be_an_alias() -> None:
    selection = select("kimi-k2-thinking", FREE)

    assert (selection.base, selection.features) == ("kimi", frozenset({Feature.THINKING}))
    assert "kimi-k2-thinking" not in listing(FREE)


def test_the_operators_own_go_before_the_built_in_ones() -> None:
    own = parse(("kimi-latest=kimi-k2.6-search", "gpt-4o=kimi-latest", "clever=gpt-4o-thinking"))

    assert select("kimi-latest", WEB, own).base == "kimi-k2.6"
    clever = select("clever-silent", WEB, own)
    assert (clever.name, clever.base) == ("clever-silent", "kimi-k2.6")
    assert clever.features == {Feature.SEARCH, Feature.THINKING, Feature.SILENT}


def test_an_alias_may_stand_for_an_official_model_or_an_agent() -> None:
    own = parse(("gpt-4o=kimi-k2.7-code", "writer=conpg00t7lagbbsfqkq0"))
    routes = (*WEB, *official("kimi-k2.7-code"))
    selection = select("gpt-4o", routes, own)

    assert (selection.name, selection.routes) == ("gpt-4o", official("kimi-k2.7-code"))
    assert selection.model_for(Kind.MOONSHOT) == "kimi-k2.7-code"
    assert select("writer-search", routes, own).base == "conpg00t7lagbbsfqkq0"


def test_the_operators_own_are_listed_where_they_lead_somewhere() -> None:
    own = parse(("gpt-4o=kimi-search", "o1=kimi-k3", "deep=kimi-research"))

    assert {"gpt-4o", "o1", "deep"} & set(listing(FREE, own)) == {"gpt-4o"}
    assert {"gpt-4o", "o1", "deep"} <= set(listing(WEB, own))
    assert "kimi-latest" not in listing(WEB, own)


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (("gpt-4o",), "a list of name=target"),
        (("gpt-4o=",), "a list of name=target"),
        (("=kimi",), "a list of name=target"),
        (("a b=kimi",), "a list of name=target"),
        (("a=kimi=x",), "a list of name=target"),
        (("a=b", "a=c"), "say once what 'a' stands for"),
        (("a=b", "b=a"), r"not round in a circle \(a = b = a\)"),
        (("a=a-search",), r"not round in a circle \(a = a\)"),
        (("x=a", "a=b-search", "b=a"), "round in a circle"),
    ],
)
def test_a_list_that_makes_no_sense(pairs: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(pairs)


def test_the_same_twice_is_once() -> None:
    assert parse(("a=kimi", " a = kimi ")) == {"a": "kimi"}


NAMES = st.sampled_from(["kimi", "kimi-latest", "moonshot-v1", "a", "b", "kimi-k2-thinking", "a-search"])


@given(NAMES, st.dictionaries(NAMES, NAMES | NAMES.map(lambda name: f"{name}-thinking")))
def test_every_search_for_a_meaning_ends(name: str, own: dict[str, str]) -> None:
    found = list(meanings(name, own))

    assert found[0] == name
    assert len(found) < 200
