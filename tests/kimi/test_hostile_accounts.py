"""Accounts files with what people mistype in them, and with what nobody would."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi import accounts_file
from kimi.account_forms import says_none
from kimi.accounts_file import AccountsError
from tests.kimi.test_accounts_file import ALICE

DIGITS = "1" * 5_000


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2024-13-01", "it is no timestamp; a text stands in quotes"),
        ("2024-01-01 25:61:00", "it is no timestamp; a text stands in quotes"),
        ("0x_", "it is no int; a text stands in quotes"),
        ("0b_", "it is no int; a text stands in quotes"),
        (DIGITS, "it is no int; a text stands in quotes"),
        ("0x" + DIGITS, "the number is too large"),
        ("!!int x", "it is no int; a text stands in quotes"),
        ("!!float x", "it is no float; a text stands in quotes"),
        ("!!bool x", "it is no bool; a text stands in quotes"),
        ("!!timestamp x", "it is no timestamp; a text stands in quotes"),
    ],
)
@pytest.mark.parametrize("field", ["name", "weight"])
def test_what_only_looks_like_a_value_is_told_with_its_place(field: str, value: str, what: str) -> None:
    with pytest.raises(AccountsError) as caught:
        accounts_file.parse(f"accounts:\n  - refresh_token: {ALICE}\n    {field}: {value}\n", "file")
    assert str(caught.value) == f"file:3:{7 + len(field)}: is not valid YAML: {what}"


@pytest.mark.parametrize("text", [DIGITS, "0x" + DIGITS])
def test_a_number_of_any_length_in_json_is_a_mistake_like_others(text: str) -> None:
    with pytest.raises(AccountsError):
        accounts_file.parse(f'{{"accounts": [{{"name": "a", "refresh_token": "{ALICE}", "weight": {text}}}]}}', "file")


KNOWN = ["int", "float", "bool", "null", "str", "binary", "timestamp", "set", "omap", "pairs", "map", "seq"]
TAGS = ["", "!!unknown ", *(f"!!{name} " for name in KNOWN)]
WORDS = ["1", "-", "0x", "0b_", "1:60", "1e9", ".inf", "2024-13-01", "25:61:00", "~", "yes", "=", "<<", "*a", "&a x"]
SCALARS = st.one_of(st.sampled_from([*WORDS, ALICE]), st.text(max_size=12), st.from_regex(r"[-+0-9xob_:.eT ]{1,24}"))
TAGGED = st.builds(str.__add__, st.sampled_from(TAGS), SCALARS)
NODES = st.recursive(
    TAGGED,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.lists(st.tuples(inner, inner), max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(["name", "kind", "weight", "proxy", "models", "max_concurrency", "1"])
ENTRIES = st.dictionaries(FIELDS, NODES, min_size=1).map(
    lambda fields: "".join(f"\n    {name}: {value}" for name, value in fields.items())
)


@given(st.one_of(ENTRIES.map(lambda fields: f"accounts:\n  - refresh_token: {ALICE}{fields}\n"), NODES))
def test_whatever_stands_in_the_file_it_is_told_in_words(text: str) -> None:
    for read in (lambda: accounts_file.parse(text, "file"), lambda: says_none(text)):
        with suppress(AccountsError):
            read()


@pytest.mark.parametrize(
    "text", ["accounts: []", "accounts: []  # all gone\n", "[]", '{"accounts": []}', "---\naccounts: []"]
)
def test_that_there_are_no_accounts_can_be_said(text: str) -> None:
    assert accounts_file.parse(text, "file") == ()
    assert says_none(text)


@pytest.mark.parametrize(
    "text",
    ["", " \n", "\ufeff", "accounts:", "accounts:\n  # - {name: one\n", "# none yet", "~", "accounts: null", "{}"],
)
def test_half_a_file_does_not_say_so(text: str) -> None:
    with suppress(AccountsError):
        assert accounts_file.parse(text, "file") == ()
    assert not says_none(text)
