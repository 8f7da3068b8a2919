"""A stream that breaks never passes for an answer."""

from __future__ import annotations

from typing import Any

import pytest

from kimi.accounts import Kind
from kimi.errors import (
    BrokenAnswer,
    ContentRefused,
    KimiError,
    Overloaded,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from tests.kimi.dialects.bench import KINDS, Bench


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("empty", {}, BrokenAnswer),
        ("no_end", {}, BrokenAnswer),
        ("garbage", {}, BrokenAnswer),
        ("bad_json", {}, BrokenAnswer),
        ("bad_utf8", {}, BrokenAnswer),
        ("oversize", {}, BrokenAnswer),
        ("wrong_type", {}, BrokenAnswer),
        ("empty_body", {}, BrokenAnswer),
        ("broken_body", {}, BrokenAnswer),
        ("reset", {}, Unreachable),
        ("close", {}, Unreachable),
        ("refused", {}, Unreachable),
        ("hang", {}, UpstreamTimeout),
        ("hang", {"texts": 3}, UpstreamTimeout),
        *[
            ("truncate", {"at": at, "how": how}, UpstreamError)
            for at in ("start", "middle", "character", "frame")
            for how in ("cut", "fin", "reset")
        ],
    ],
)
def test_a_stream_that_fails_never_passes_for_an_answer(
    bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]
) -> None:
    bench.simulator.fault(what, match={"endpoint": "chat"}, **args)

    with pytest.raises(error):
        bench.stream(idle=0.3 if what == "hang" else 20)
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", [Kind.KIMI])
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("compressed", {}, BrokenAnswer),
        ("bad_flags", {}, BrokenAnswer),
        ("retract", {}, ContentRefused),
        ("retract", {"reason": "overloaded"}, Overloaded),
    ],
)
def test_a_connect_stream_that_fails(bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]) -> None:
    bench.simulator.fault(what, **args)

    with pytest.raises(error):
        bench.stream()
