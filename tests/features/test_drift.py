"""What Kimi says that nobody here knows: it takes nothing from an answer, and the operator sees it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import redis

from devtools.waiting import until
from tests.features.asking import ask
from tests.features.kinds import OFFICIAL_MODEL
from tests.system.stack import Stack

_COUNTED = re.compile(r'^kimi_gateway_drift_total\{kind="([\w-]+)",what="(\w+)"\} ([\d.]+)$', re.MULTILINE)


def counted(house: Stack) -> dict[str, float]:
    """How often each kind of account has met something unknown."""
    counts: dict[str, float] = {}
    for kind, _, count in _COUNTED.findall(house.gateway.metrics()):
        counts[kind] = counts.get(kind, 0.0) + float(count)
    return counts


@pytest.mark.parametrize("model", ["kimi", OFFICIAL_MODEL])
def test_an_answer_beside_it_is_whole_and_it_is_counted(house: Stack, model: str) -> None:
    kind = house.env["KIMI_KIND"] if model == "kimi" else "moonshot"
    house.simulator.settings(answer="fine {prompt}", thinking="")
    house.simulator.fault("unknown", match={"endpoint": "chat"})
    before = counted(house).get(kind, 0.0)

    answer = ask(house, "today", model=model)
    assert (answer.text, answer.finish) == ("fine today", "stop")
    assert counted(house)[kind] > before


def test_the_operator_is_shown_what_it_was(classic: Stack) -> None:
    classic.simulator.fault("unknown", match={"endpoint": "chat"})
    ask(classic)

    with redis.Redis.from_url(classic.valkey.url) as client:
        until(
            lambda: client.hexists("kimi:{pool}:drift", "kimi-classic event brand_new_event"),
            what="the gateway has written down what it met",
        )
    command = [sys.executable, "-m", "gateway.cli", "drift"]
    environment = {**os.environ, "REDIS_URL": classic.valkey.url}
    table = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert re.search(r"kimi-classic +event +brand_new_event +\d+ .*\{event: text\(15\), text: text\(\d+\)", table)
    assert "not for the reader" not in table
