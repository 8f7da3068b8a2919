"""When a spent plan begins anew, as the newer dialect tells."""

from __future__ import annotations

import pytest

from kimi.errors import (
    BrokenAnswer,
)
from kimi.http import Endpoints
from kimi.upstreams import KnowsAllowance
from kimi.upstreams.connect import Connect
from kimi.upstreams.line import Line
from tests.kimi.connecting import ACCOUNT, TOKEN
from tests.kimi.replay import Recorded, Replay, as_json


def allowance(*answers: Recorded) -> float | None:
    http = Replay(*answers)
    upstream = Connect(Line(http, Endpoints(web="http://web")), clock=lambda: 1_800_000_000.0)
    assert isinstance(upstream, KnowsAllowance)
    seconds = upstream.resets_in(ACCOUNT, TOKEN)
    (call,) = http.calls
    assert call.url == "http://web/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats"
    assert (call.method, call.json, call.proxy) == ("POST", {}, "http://proxy")
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    return seconds


def stats(used: object = 1.0, expires: object = "2027-01-15T09:00:00Z") -> Recorded:
    return as_json({"subscriptionBalance": {"amountUsedRatio": used, "expireTime": expires}})


@pytest.mark.parametrize("expires", ["2027-01-15T09:00:00Z", "2027-01-15T17:00:00.000000123+08:00"])
def test_when_a_spent_plan_begins_anew(expires: str) -> None:
    assert allowance(stats(expires=expires)) == 3600.0


@pytest.mark.parametrize(
    "answer",
    [
        stats(used=0.5),
        stats(used=None),
        stats(used="1.0"),
        stats(expires="2027-01-15T07:00:00Z"),
        stats(expires="2027-01-15T09:00:00"),
        stats(expires="soon"),
        stats(expires=1_800_003_600),
        as_json({"subscriptionBalance": None}),
        as_json({}),
        as_json([]),
        as_json({"code": "unauthenticated"}, 401),
        Recorded(b"", 500),
    ],
)
def test_a_plan_that_nobody_tells_of(answer: Recorded) -> None:
    assert allowance(answer) is None


def test_a_plan_of_which_nonsense_is_told() -> None:
    with pytest.raises(BrokenAnswer):
        allowance(Recorded(b"<html>"))
