from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.settings import GatewaySettings
from kimi.alerts.destinations import destinations
from kimi.settings import CommonSettings, SettingsError, load
from refresher.settings import RefresherSettings

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-of-some-length"
Environment = Callable[..., None]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Sets variables for a process in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("ALERT_")]:
        monkeypatch.delenv(name)

    def fill(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return fill


def test_nothing_is_sent_anywhere_unless_it_is_set(environment: Environment) -> None:
    environment()
    settings = load(CommonSettings)
    assert destinations(settings) == []
    assert (settings.alert_usable_below, settings.alert_refresher_silent_seconds) == (1, 60)
    assert (settings.alert_repeat_seconds, settings.alert_language) == (86_400, "en")


@pytest.mark.parametrize("kind", [GatewaySettings, RefresherSettings])
def test_both_processes_know_where_it_goes_and_show_no_secret(
    kind: type[CommonSettings], environment: Environment
) -> None:
    environment(
        GATEWAY_API_KEYS="key",
        ALERT_WEBHOOK_URL="https://hooks.example.com/path-secret",
        ALERT_WEBHOOK_SECRET=SECRET,
        ALERT_URLS="feishu://0123secret,\nmailtos://me:secret@smtp.example.com?to=a@example.com,b@example.com",
        ALERT_LANGUAGE="ZH",
    )
    settings = load(kind)
    assert [place.name for place in destinations(settings)] == [
        "webhook hooks.example.com",
        "feishu",
        "mail smtp.example.com",
    ]
    assert settings.alert_language == "zh"
    assert "secret" not in repr(settings).replace("secret=", "")


def test_all_mistakes_are_one_message_without_what_was_said(environment: Environment) -> None:
    environment(
        ALERT_WEBHOOK_URL="ftp://hooks.example.com/path-secret",
        ALERT_WEBHOOK_SECRET="short-secret",
        ALERT_URLS="wecombot://se*cret,feishu://0123abcd,secret://x",
        ALERT_USABLE_BELOW="-1",
        ALERT_REFRESHER_SILENT_SECONDS="1",
        ALERT_REPEAT_SECONDS="inf",
        ALERT_LANGUAGE="fr",
    )
    with pytest.raises(SettingsError) as raised:
        load(CommonSettings)
    names = [line.strip().partition(":")[0] for line in str(raised.value).splitlines()[1:]]
    assert sorted(names) == sorted(name.upper() for name in CommonSettings.model_fields if name.startswith("alert_"))
    assert "se*cret" not in str(raised.value)
    assert "path-secret" not in str(raised.value)
    assert "short-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("urls", "loaded"), [("", []), ("feishu://0123abcd", []), ("slack://xoxb-1234-1234-abc/#x", ["slack"])]
)
def test_apprise_is_loaded_for_those_who_want_it_and_only_what_they_want(
    urls: str, loaded: list[str], tmp_path: Path
) -> None:
    script = """
import sys
import gateway.wsgi, refresher.process
from kimi.alerts.destinations import destinations
from kimi.settings import CommonSettings, load
destinations(load(CommonSettings))
names = [name for name in ("telegram", "slack", "email") if f"apprise.plugins.{name}" in sys.modules]
print("apprise" in sys.modules, *names)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ALERT_URLS": urls}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, check=True, timeout=120
    ).stdout.decode()
    assert told.split() == [str(bool(loaded)), *loaded]
