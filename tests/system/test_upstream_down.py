"""An upstream that fails again and again is left alone, and used again when it is back."""

from __future__ import annotations

import time

import pytest

from devtools.waiting import until
from tests.system.conftest import StartStack
from tests.system.stack import Stack


@pytest.fixture
def house(start_stack: StartStack) -> Stack:
    """One worker, because each has a breaker of its own."""
    return start_stack({"kimi": 2}, workers=1)


def left_alone(house: Stack) -> bool:
    return "kimi_gateway_upstreams_left_alone 1.0" in house.gateway.metrics()


def asked(house: Stack) -> int:
    return sum(account["calls"].get("chat", 0) for account in house.simulator.state()["accounts"].values())


def test_it_is_asked_no_more_until_it_is_back(house: Stack) -> None:
    house.simulator.fault("reset", times=None, match={"endpoint": "chat"})

    def fails() -> bool:
        assert house.chat().status_code == 502
        return left_alone(house)

    until(fails, seconds=20, what="the upstream is left alone")
    before, started = asked(house), time.monotonic()
    response = house.chat()
    assert time.monotonic() - started < 0.5
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_error")
    assert 1 <= int(response.headers["retry-after"]) <= 5
    assert asked(house) == before

    house.simulator.forget_faults()
    until(lambda: house.chat().status_code == 200, seconds=20, what="it is used again")
    assert not left_alone(house)
    assert house.gateway.said.count("is left alone until it answers") == 1
    assert house.gateway.said.count("is there again") == 1
