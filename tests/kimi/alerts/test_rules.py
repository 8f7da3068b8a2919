from __future__ import annotations

from typing import Any

import pytest

from kimi.accounts import State
from kimi.alerts.notes import Rule
from kimi.alerts.rules import Limits, Snapshot, Subject, judge

LIMITS = Limits(usable_below=2, silent_seconds=60)


def seen(**what: Any) -> Snapshot:
    usual: dict[str, Any] = {"lost": {}, "accounts": 5, "usable": 5, "silence": 1.0}
    return Snapshot(**{**usual, **what})


@pytest.mark.parametrize(
    ("snapshot", "wrong"),
    [
        (seen(), {}),
        (seen(lost={"a": State.DEAD, "b": State.BANNED}), {(Rule.DEAD, "a"): 0, (Rule.BANNED, "b"): 0}),
        (seen(usable=2), {}),
        (seen(usable=1), {(Rule.LOW, ""): 1}),
        (seen(usable=0, accounts=0), {}),  # a gateway for the accounts of its clients alone
        (seen(silence=59.9), {}),
        (seen(silence=60.5), {(Rule.SILENT, ""): 60}),
    ],
)
def test_what_is_wrong(snapshot: Snapshot, wrong: dict[Subject, int]) -> None:
    assert judge(snapshot, LIMITS) == wrong


def test_any_number_of_accounts_will_do_where_the_operator_says_so() -> None:
    assert judge(seen(usable=0), Limits(usable_below=0)) == {}
