from __future__ import annotations

import pytest

from kimi.alerts.notes import Language, Rule
from kimi.alerts.texts import TEST, compose, listed

NAMES = [f"account-{number}" for number in range(12)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("rule", list(Rule))
def test_every_text_is_complete_in_every_language(rule: Rule, *, over: bool, language: Language) -> None:
    names = ["alice"] if rule.is_of_accounts else [""]
    words = compose(rule, names, 1, figure=3, limit=5, over=over, language=language)
    assert words.title.startswith("Kimi")  # a word that a robot can be told to look for
    assert not set("{}\n") & set(words.title + words.text)
    assert ("alice" in words.text) is rule.is_of_accounts
    assert words != TEST[language]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ", ".join(NAMES[:10]) + " and 4 more"),
        ("zh", "、".join(NAMES[:10]) + " 等 14 个"),
    ],
)
def test_many_accounts_are_counted_and_not_named(language: Language, expected: str) -> None:
    assert listed(NAMES, 14, language) == expected
    words = compose(Rule.DEAD, NAMES, 14, figure=0, limit=1, over=False, language=language)
    assert expected in words.text
    assert "14" in words.title


def test_a_low_pool_says_how_low() -> None:
    words = compose(Rule.LOW, [""], 1, figure=3, limit=5, over=False, language="en")
    assert words.title == "Kimi: usable accounts: 3"
    assert words.text.startswith("Accounts that can be used: 3. There should be 5 at least.")
