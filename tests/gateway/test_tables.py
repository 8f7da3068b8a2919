"""How the command line writes figures."""

from __future__ import annotations

import pytest

from gateway.tables import table, width_of


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("", 0), ("主账号", 6), ("Ａ", 2), ("é", 1), ("e\u0301", 1), ("a\u200b", 1), ("…", 1)],
)
def test_the_width_is_that_on_a_terminal(text: str, width: int) -> None:
    assert width_of(text) == width


def test_columns_stand_below_each_other_whatever_is_in_them() -> None:
    lines = table([("NAME", "KIND"), ("主账号-1", "kimi"), ("e\u0301", "kimi"), ("alice", "")]).splitlines()
    assert [width_of(line.partition("k")[0]) for line in lines[1:3]] == [10, 10]
    assert lines[0] == "NAME      KIND"
    assert lines[3] == "alice"
