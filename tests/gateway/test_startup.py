from __future__ import annotations

import logging
import secrets
import socket
from pathlib import Path

import pytest
import redis
import yaml
from pydantic import ValidationError

from devtools.waiting import until
from gateway.settings import GatewaySettings
from gateway.startup import check_address, check_listening, check_store, listening_as_before
from kimi.errors import StoreUnavailable
from kimi.startup import StartError
from tests.ports import free_port
from tests.valkey import Valkey

KEY = secrets.token_urlsafe(32)


def settings(**fields: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"gateway_api_keys": KEY, **fields})


def test_a_store_that_answers_is_left_alone(own_valkey: Valkey) -> None:
    check_store(settings(redis_url=own_valkey.url))
    with redis.Redis.from_url(own_valkey.url) as client:
        until(lambda: len(client.client_list()) == 1, what="only this test is connected")


def test_a_store_that_does_not_answer_is_no_start() -> None:
    with pytest.raises(StoreUnavailable):
        check_store(settings(redis_url="redis://127.0.0.1:1/0"))


def test_weak_keys_are_for_sockets_that_nobody_else_reaches() -> None:
    weak = settings(gateway_api_keys="hush-1")
    check_listening(weak, [("127.0.0.1", 80), ("::1", 80, 0, 0), "/run/kimi.sock", b""])
    for address in (("0.0.0.0", 80), ("::", 80, 0, 0), ("10.0.0.7", 80)):  # noqa: S104
        with pytest.raises(StartError, match=r"^GATEWAY_API_KEYS: key 1 is shorter") as caught:
            check_listening(weak, [("127.0.0.1", 80), address])
        assert "hush" not in str(caught.value)
        check_listening(settings(), [address])


def test_all_weak_keys_are_told_at_once_and_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"token": "hush-1", "auth_token": "x", "refresh_token": "y"}', encoding="utf-8")
    weak = settings(gateway_admin_key="hush-2", kimi_accounts_file=file)
    with pytest.raises(StartError) as caught:
        check_listening(weak, [("10.0.0.7", 80)])
    client, admin = str(caught.value).splitlines()
    assert client.startswith("GATEWAY_API_KEYS: key 2 (of the accounts file) is shorter")
    assert admin.startswith("GATEWAY_ADMIN_KEY: is shorter")


def test_the_key_that_everybody_knows_is_for_the_demo() -> None:
    compose = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text("utf-8"))
    said = {name.lower(): value for name, value in compose["services"]["demo-gateway"]["environment"].items()}
    anywhere = [("0.0.0.0", 80)]  # noqa: S104
    check_listening(settings(**said, gateway_host="10.0.0.7"), anywhere)
    for upstream in ("kimi_web_url", "kimi_auth_url", "kimi_classic_url", "moonshot_url"):
        kimi = {**said, upstream: "https://simulator.example", "token_encryption_keys": ""}
        with pytest.raises(StartError, match=r"^GATEWAY_API_KEYS: key 1 is of a kind that stands in examples"):
            check_listening(settings(**kimi), anywhere)
        with pytest.raises(ValidationError, match=r"too weak for GATEWAY_HOST=10\.0\.0\.7"):
            settings(**kimi, gateway_host="10.0.0.7")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])  # noqa: S104
def test_an_address_of_this_machine_is_fine(host: str) -> None:
    check_address(settings(gateway_host=host, gateway_port=free_port()))


@pytest.mark.parametrize("host", ["203.0.113.7", "not a host", "no-such-host.invalid", "x" * 300, "[2001:db8::1]"])
def test_an_address_of_another_machine_is_no_start(host: str) -> None:
    with pytest.raises(StartError, match=r"^GATEWAY_HOST: "):
        check_address(settings(gateway_host=host))


@pytest.mark.parametrize("variable", ["GATEWAY_PORT", "GATEWAY_METRICS_PORT"])
def test_a_port_that_is_in_use_may_soon_be_free_and_is_told(variable: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_address(settings(**{"gateway_port": free_port(), variable.lower(): port}))
    assert [record.getMessage().partition(" by ")[0] for record in caplog.records] == [
        f"{variable}: 127.0.0.1:{port} is in use"
    ]


def test_those_who_watch_need_their_port_and_clients_another_one() -> None:
    watched, ours, theirs = settings(gateway_metrics_port=9091), ("127.0.0.1", 6867), ("127.0.0.1", 9091)
    fine: list[list[object]] = [[ours, theirs], ["/run/kimi.sock", theirs], [("::1", 9091, 0, 0), ours]]
    for addresses in fine:
        check_listening(watched, iter(addresses))
    wrong: list[list[object]] = [[ours], [theirs], ["/run/kimi.sock"], [theirs, ("::1", 9091, 0, 0)]]
    for addresses in wrong:
        with pytest.raises(StartError, match=r"^GATEWAY_METRICS_PORT: .* 9091 "):
            check_listening(watched, iter(addresses))


def test_addresses_hold_from_one_start_to_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    environ: dict[str, str] = {}
    first = settings(gateway_port=80)
    assert listening_as_before(first, environ) == first
    assert listening_as_before(settings(gateway_port=80, log_level="debug"), environ).log_level == "debug"
    assert not caplog.records
    for asked, changed in (
        ({"gateway_port": 81}, "GATEWAY_PORT"),
        ({"gateway_port": 80, "gateway_metrics_port": 9091}, "GATEWAY_METRICS_PORT"),
        ({"gateway_port": 81, "gateway_host": "::1"}, "GATEWAY_HOST, GATEWAY_PORT"),
    ):
        caplog.clear()
        assert listening_as_before(settings(**asked), environ).bind == ["127.0.0.1:80"]
        (told,) = caplog.records
        assert told.levelno == logging.WARNING
        assert told.getMessage() == f"{changed}: what is set now holds from the next start on"
