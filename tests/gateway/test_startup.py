from __future__ import annotations

import pytest
import redis
from structlog.testing import capture_logs

from devtools.waiting import until
from gateway.settings import GatewaySettings
from gateway.startup import check_store, warn
from kimi.errors import StoreUnavailable
from tests.valkey import Valkey


def settings(**fields: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"gateway_api_keys": "key", **fields})


def test_a_store_that_answers_is_left_alone(own_valkey: Valkey) -> None:
    check_store(settings(redis_url=own_valkey.url))
    with redis.Redis.from_url(own_valkey.url) as client:
        until(lambda: len(client.client_list()) == 1, what="only this test is connected")


def test_a_store_that_does_not_answer_is_no_start() -> None:
    with pytest.raises(StoreUnavailable):
        check_store(settings(redis_url="redis://127.0.0.1:1/0"))


def test_what_has_no_effect_is_said() -> None:
    with capture_logs() as logs:
        warn(settings(gateway_admin_key="hush", gateway_passthrough="1"))
    assert [str(line["event"]).split()[0] for line in logs] == ["GATEWAY_ADMIN_KEY", "GATEWAY_PASSTHROUGH"]
    assert "hush" not in str(logs)


def test_otherwise_nothing_is_said() -> None:
    with capture_logs() as logs:
        warn(settings())
    assert logs == []
