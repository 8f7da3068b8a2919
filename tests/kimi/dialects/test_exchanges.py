"""Tokens that are exchanged, and exchanges that fail."""

from __future__ import annotations

from typing import Any

import pytest

from kimi import claims
from kimi.errors import (
    AccountBanned,
    AccountDead,
    BrokenAnswer,
    KimiError,
    RateLimited,
    TokenRejected,
    Unreachable,
    UpstreamError,
)
from kimi.events import Finish
from kimi.exchange import Exchange
from tests.kimi.dialects.bench import WEB, Bench


@pytest.mark.parametrize("kind", WEB)
def test_tokens_rotate_and_say_when_they_end(bench: Bench) -> None:
    secret = bench.simulator.account("alice")["refresh_token"]
    pair = Exchange(bench.transport, bench.endpoints).refresh(bench.account, secret)

    assert (claims.read(pair.access).typ, claims.read(pair.refresh).typ) == ("access", "refresh")
    assert (claims.read(pair.access).exp or 0) > (claims.read(pair.access).iat or 0) > 0
    bench.token = pair.access
    assert bench.stream()[-1] == Finish("stop")


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize("shape", ["camel", "snake", "wrapped"])
def test_the_exchange_understands_every_shape(bench: Bench, shape: str) -> None:
    bench.simulator.fault("shape", shape=shape)
    pair = Exchange(bench.transport, bench.endpoints).refresh(
        bench.account, bench.simulator.account("alice")["refresh_token"]
    )

    assert claims.read(pair.refresh).typ == "refresh"


@pytest.mark.parametrize("kind", WEB)
@pytest.mark.parametrize(
    ("what", "args", "error"),
    [
        ("no_tokens", {}, UpstreamError),
        ("no_tokens", {"empty": True}, BrokenAnswer),
        ("broken_body", {}, BrokenAnswer),
        ("empty_body", {}, BrokenAnswer),
        ("wrong_type", {}, BrokenAnswer),
        ("banned", {}, AccountBanned),
        ("abnormal", {}, AccountBanned),
        ("http", {"status": 401}, AccountDead),
        ("http", {"status": 401, "body": "{}"}, TokenRejected),
        ("http", {"status": 403, "body": "{}"}, TokenRejected),
        ("http", {"status": 429, "body": "{}"}, RateLimited),
        ("http", {"status": 502}, UpstreamError),
        ("reset", {}, Unreachable),
        ("close", {}, Unreachable),
        ("refused", {}, Unreachable),
        ("lost_reply", {"how": "cut"}, UpstreamError),
        ("lost_reply", {"how": "reset"}, Unreachable),
    ],
)
def test_an_exchange_that_fails(bench: Bench, what: str, args: dict[str, Any], error: type[KimiError]) -> None:
    bench.simulator.fault(what, match={"endpoint": "exchange"}, **args)

    with pytest.raises(error):
        Exchange(bench.transport, bench.endpoints).refresh(
            bench.account, bench.simulator.account("alice")["refresh_token"]
        )
