"""The list of models of an account, as the newer dialect tells it."""

from __future__ import annotations

import logging

import pytest

from kimi.errors import BrokenAnswer, KimiError, TokenRejected, UpstreamError
from kimi.http import Endpoints
from kimi.upstreams.connect_models import ConnectModels
from kimi.upstreams.line import Line
from tests.kimi.connecting import ACCOUNT, TOKEN
from tests.kimi.replay import Recorded, Replay, as_json

K2 = {"scenario": "SCENARIO_K2", "displayName": "K2", "description": "快", "thinking": False, "agentMode": False}
DEFAULT = {"scenario": "SCENARIO_K2D5", "displayName": "K2.6 Instant", "thinking": False, "kimiPlusId": ""}
THINKS = {**DEFAULT, "displayName": "K2.6 Thinking", "thinking": True}
COMPUTER = {"scenario": "SCENARIO_OK_COMPUTER", "thinking": True, "kimiPlusId": "ok-computer", "agentMode": True}


def listed(answer: Recorded) -> tuple[str, ...]:
    http = Replay(answer)
    found = ConnectModels(Line(http, Endpoints(web="http://web"))).list_models(ACCOUNT, TOKEN)
    (call,) = http.calls
    assert call.url == "http://web/apiv2/kimi.gateway.config.v1.ConfigService/GetAvailableModels"
    assert (call.method, call.json, call.proxy) == ("POST", {}, "http://proxy")
    assert (call.headers["Authorization"], call.headers["Connect-Protocol-Version"]) == (f"Bearer {TOKEN}", "1")
    return found


def models(*rows: object, key: str = "availableModels", default: object = "SCENARIO_K2D5") -> Recorded:
    return as_json({key: rows, "defaultScenario": {"scenario": default, "thinking": False}})


def test_a_list_of_scenarios() -> None:
    assert listed(models(DEFAULT, THINKS, COMPUTER, K2)) == (
        "SCENARIO_K2D5+thinking",
        "SCENARIO_OK_COMPUTER/ok-computer+thinking",
        "SCENARIO_K2",
    )


@pytest.mark.parametrize("default", [None, 7, "SCENARIO_K9"])
def test_the_page_begins_with_another_model_than_we_know(default: object) -> None:
    newer = {"scenario": "SCENARIO_K2D7", "thinking": True}
    assert listed(models(newer, K2, default="SCENARIO_K2D7")) == ("SCENARIO_K2D7+thinking+default", "SCENARIO_K2")
    assert listed(models(newer, K2, default=default)) == ("SCENARIO_K2D7+thinking", "SCENARIO_K2")
    assert listed(as_json({"availableModels": [K2], "defaultScenario": default})) == ("SCENARIO_K2",)


def test_names_may_be_written_the_other_way() -> None:
    row = {"scenario": "SCENARIO_OK_COMPUTER", "kimi_plus_id": "ok-computer"}
    assert listed(models(row, key="available_models")) == ("SCENARIO_OK_COMPUTER/ok-computer",)


def test_an_unknown_scenario_is_taken_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert listed(models(K2, {"scenario": "SCENARIO_K4", "thinking": True})) == (
            "SCENARIO_K2",
            "SCENARIO_K4+thinking",
        )
    (record,) = caplog.records
    assert "unknown scenario: SCENARIO_K4" in record.getMessage()


@pytest.mark.parametrize(
    "row",
    [
        None,
        "SCENARIO_K2",
        {},
        {"scenario": None},
        {"scenario": "K4"},
        {"scenario": "SCENARIO_K4@private-ab"},
        {"scenario": "SCENARIO_K4 "},
        {"scenario": "SCENARIO_K4", "kimiPlusId": 7},
        {"scenario": "SCENARIO_K4", "kimiPlusId": "a:b"},
    ],
)
def test_what_is_no_scenario_is_passed_over(row: object) -> None:
    assert listed(models(row, K2)) == ("SCENARIO_K2",)
    with pytest.raises(BrokenAnswer):
        listed(models(row))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (models(), BrokenAnswer),
        (as_json({}), BrokenAnswer),
        (as_json([]), BrokenAnswer),
        (as_json({"availableModels": {"scenario": "SCENARIO_K2"}}), BrokenAnswer),
        (Recorded(b"<html>", 200, {"content-type": "text/html"}), BrokenAnswer),
        (as_json({"code": "unauthenticated"}, 401), TokenRejected),
        (Recorded(b"", 404), KimiError),
        (Recorded(b"", 500), UpstreamError),
    ],
)
def test_a_list_that_cannot_be_had(answer: Recorded, error: type[KimiError]) -> None:
    with pytest.raises(error):
        listed(answer)
