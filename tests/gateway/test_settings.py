from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.key_strength import MAKING
from gateway.settings import BODIES, MOST_BODY_MB, GatewaySettings
from gateway.shares import Shares
from kimi.settings import SettingsError, load


@pytest.fixture(autouse=True)
def _no_dotenv(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> GatewaySettings:
    for name, value in {"GATEWAY_API_KEYS": "key", **variables}.items():
        monkeypatch.setenv(name, value)
    return load(GatewaySettings)


def test_defaults_are_the_documented_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch)
    assert found.bind == ["127.0.0.1:6867"]
    assert found.gateway_workers >= 1
    assert found.gateway_admin_key is None
    assert not found.gateway_passthrough
    assert (found.gateway_queue_seconds, found.gateway_drain_seconds, found.gateway_heartbeat_seconds) == (15, 60, 10)
    assert found.max_body_bytes == 32 * 1024 * 1024
    assert (found.kimi_first_byte_seconds, found.kimi_idle_seconds, found.kimi_total_seconds) == (60, 120, 1800)
    assert found.kimi_research_seconds == 3600
    assert found.kimi_delete_chats
    assert found.kimi_conversation_seconds == 1800
    assert found.kimi_first_turn_seconds == 3
    assert found.kimi_continuations == 3
    assert found.kimi_allow_private_urls == ()
    assert found.kimi_file_reuse_seconds == 86_400


def test_without_client_keys_there_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_API_KEYS: has to hold at least one client key"):
        settings(monkeypatch, GATEWAY_API_KEYS=" , ")


def test_client_keys_are_separated_by_commas_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, GATEWAY_API_KEYS=" hush-1 ,hush-2,,hush-1", GATEWAY_ADMIN_KEY="hush-3")
    assert found.gateway_api_keys == ("hush-1", "hush-2")
    assert "hush" not in repr(found)


def test_reverse_kimis_file_brings_the_key_of_its_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"token": "hush-1", "auth_token": "x", "refresh_token": "y"}', encoding="utf-8")
    found = settings(monkeypatch, GATEWAY_API_KEYS="", KIMI_ACCOUNTS_FILE=str(file))
    assert found.gateway_api_keys == ("hush-1",)
    found = settings(monkeypatch, GATEWAY_API_KEYS="hush-2,hush-1", KIMI_ACCOUNTS_FILE=str(file))
    assert found.gateway_api_keys == ("hush-2", "hush-1")
    assert "hush" not in repr(found)


def test_a_file_that_the_gateway_cannot_read_is_the_refreshers_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, KIMI_ACCOUNTS_FILE="/nowhere/accounts.yaml").gateway_api_keys == ("key",)


@pytest.mark.parametrize("key", ["with space", "schlüssel", "tab\tkey"])
def test_a_key_no_client_can_send_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(SettingsError, match="no client could send") as caught:
        settings(monkeypatch, GATEWAY_API_KEYS=key)
    assert key not in str(caught.value)


def test_no_key_of_clients_is_the_admin_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_ADMIN_KEY: is a key of clients as well") as caught:
        settings(monkeypatch, GATEWAY_API_KEYS="hush-1,hush-2", GATEWAY_ADMIN_KEY=" hush-2 ")
    assert "hush" not in str(caught.value)
    file = tmp_path / "config.json"
    file.write_text('{"token": "hush-3", "auth_token": "x", "refresh_token": "y"}', encoding="utf-8")
    with pytest.raises(SettingsError, match="GATEWAY_ADMIN_KEY: is a key of clients as well"):
        settings(monkeypatch, GATEWAY_ADMIN_KEY="hush-3", KIMI_ACCOUNTS_FILE=str(file))


def test_neither_is_such_an_admin_key_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_ADMIN_KEY: holds what no client could send") as caught:
        settings(monkeypatch, GATEWAY_ADMIN_KEY="schlüssel 1")
    assert "schlüssel" not in str(caught.value)


@pytest.mark.parametrize("headers", ["", "a=b", "a=b, x-key = between%20us,", "authorization=Bearer abc=="])
def test_headers_for_a_collector(monkeypatch: pytest.MonkeyPatch, headers: str) -> None:
    assert settings(monkeypatch, OTEL_EXPORTER_OTLP_HEADERS=headers).otel_exporter_otlp_headers == headers.strip()


@pytest.mark.parametrize(
    "headers", ["authorization: Bearer hush", "hush", "a=b,=hush", 'a="hush"', "a=hush;", "a=hush é"]
)
def test_what_a_collector_cannot_be_sent_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, headers: str
) -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_HEADERS: has to hold pairs") as caught:
        settings(monkeypatch, OTEL_EXPORTER_OTLP_HEADERS=headers)
    assert "hush" not in str(caught.value)


def test_api_keys_cannot_be_passed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, GATEWAY_PASSTHROUGH="1", KIMI_KIND="kimi-classic").gateway_passthrough
    with pytest.raises(SettingsError, match="GATEWAY_PASSTHROUGH: takes refresh tokens of the web chat"):
        settings(monkeypatch, GATEWAY_PASSTHROUGH="1", KIMI_KIND="moonshot")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_bound_in_brackets(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    found = settings(monkeypatch, GATEWAY_HOST=host, GATEWAY_PORT="8000", GATEWAY_METRICS_PORT="9091")
    assert found.bind == ["[::1]:8000", "[::1]:9091"]


def test_those_who_watch_have_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_METRICS_PORT: is GATEWAY_PORT as well"):
        settings(monkeypatch, GATEWAY_METRICS_PORT="6867")


def test_private_networks_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, KIMI_ALLOW_PRIVATE_URLS="10.0.0.0/8, ::1/128")
    assert found.kimi_allow_private_urls == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def test_every_bad_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(
            monkeypatch,
            GATEWAY_PORT="70000",
            GATEWAY_WORKERS="0",
            GATEWAY_QUEUE_SECONDS="-1",
            GATEWAY_HEARTBEAT_SECONDS="nan",
            KIMI_CONTINUATIONS="21",
            KIMI_DELETE_CHATS="perhaps",
            KIMI_ALLOW_PRIVATE_URLS="10.0.0.1/8",
        )
    named = {line.strip().partition(":")[0] for line in str(caught.value).splitlines()[1:]}
    assert named == {
        "GATEWAY_PORT",
        "GATEWAY_WORKERS",
        "GATEWAY_QUEUE_SECONDS",
        "GATEWAY_HEARTBEAT_SECONDS",
        "KIMI_CONTINUATIONS",
        "KIMI_DELETE_CHATS",
        "KIMI_ALLOW_PRIVATE_URLS",
    }


def test_names_of_models_can_be_the_operators_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).kimi_model_aliases == {}
    found = settings(monkeypatch, KIMI_MODEL_ALIASES="gpt-4o=kimi-search, o1 = kimi-k3\nwriter=conpg00t7lagbbsfqkq0")
    assert found.kimi_model_aliases == {"gpt-4o": "kimi-search", "o1": "kimi-k3", "writer": "conpg00t7lagbbsfqkq0"}
    with pytest.raises(SettingsError, match="KIMI_MODEL_ALIASES: has to be a list of name=target") as caught:
        settings(monkeypatch, KIMI_MODEL_ALIASES="gpt-4o")
    assert "\n" not in str(caught.value).removeprefix("bad settings:\n")


def test_nobody_can_send_more_than_his_half_of_what_a_worker_has_for_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    most = settings(monkeypatch, GATEWAY_MAX_BODY_MB=str(MOST_BODY_MB)).max_body_bytes
    assert Shares(BODIES, "large bodies").share("somebody", BODIES).amount == most
    with pytest.raises(SettingsError, match="GATEWAY_MAX_BODY_MB"):
        settings(monkeypatch, GATEWAY_MAX_BODY_MB=f"{MOST_BODY_MB}.1")


def test_conversations_can_be_switched_off_but_not_kept_for_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, KIMI_CONVERSATION_SECONDS="0").kimi_conversation_seconds == 0
    for seconds in ("-1", "86401", "inf"):
        with pytest.raises(SettingsError, match="KIMI_CONVERSATION_SECONDS"):
            settings(monkeypatch, KIMI_CONVERSATION_SECONDS=seconds)


def test_the_model_of_anthropics_names_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).kimi_claude_model == "kimi"
    assert settings(monkeypatch, KIMI_CLAUDE_MODEL="kimi-k3-thinking").kimi_claude_model == "kimi-k3-thinking"
    with pytest.raises(SettingsError, match="KIMI_CLAUDE_MODEL"):
        settings(monkeypatch, KIMI_CLAUDE_MODEL="kimi k3")


STRONG = "hush-x7Kd93mQpL0vZb2T"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7"])  # noqa: S104
def test_where_others_can_reach_it_nothing_starts_with_weak_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"token": "hush-2", "auth_token": "x", "refresh_token": "y"}', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings(
            monkeypatch,
            GATEWAY_HOST=host,
            GATEWAY_API_KEYS=f"{STRONG},hush-1",
            GATEWAY_ADMIN_KEY="hush-your-admin-key",
            KIMI_ACCOUNTS_FILE=str(file),
        )
    short = "is shorter than 16 characters"
    made = f"too weak for GATEWAY_HOST={host}, which others can reach; make one with {MAKING}"
    assert str(caught.value).splitlines()[1:] == [
        f"  GATEWAY_API_KEYS: key 2 {short}, key 3 (of the accounts file) {short}, {made}",
        f"  GATEWAY_ADMIN_KEY: is of a kind that stands in examples, {made}",
    ]
    assert "hush" not in str(caught.value)
    found = settings(monkeypatch, GATEWAY_API_KEYS=STRONG, GATEWAY_ADMIN_KEY=f"{STRONG}s", KIMI_ACCOUNTS_FILE="")
    assert found.gateway_host == host


def test_a_host_of_blanks_is_none_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_HOST: has to name an address"):
        settings(monkeypatch, GATEWAY_HOST=" ")
    assert settings(monkeypatch, GATEWAY_HOST=" 127.0.0.1 ").gateway_host == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_a_weak_key_will_do(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert settings(monkeypatch, GATEWAY_HOST=host, GATEWAY_ADMIN_KEY="admin").gateway_api_keys == ("key",)


def test_no_proxy_is_trusted_unless_the_operator_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).gateway_trusted_proxies == 0
    assert settings(monkeypatch, GATEWAY_TRUSTED_PROXIES="2").gateway_trusted_proxies == 2
    for number in ("-1", "17", "all"):
        with pytest.raises(SettingsError, match="GATEWAY_TRUSTED_PROXIES"):
            settings(monkeypatch, GATEWAY_TRUSTED_PROXIES=number)
