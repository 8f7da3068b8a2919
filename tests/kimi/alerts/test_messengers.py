"""What messengers and robots are sent, and where; their servers are played on loopback, under their own names."""

from __future__ import annotations

import json
import logging
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from kimi.alerts.delivery import Destination, Undelivered
from kimi.alerts.messengers import Messenger
from kimi.alerts.robots import robot_of
from tests.kimi.alerts.receivers import NOTE, in_place_of, mail_server
from tests.kimi.loopback import Received, ok, refused_port

TEXT = f"{NOTE.title}\r\n{NOTE.text}"
DIGITS = "1234567890abcdef"
ROBOTS = {
    "feishu": (f"feishu://{DIGITS}", "open.feishu.cn", b'{"code": 0, "msg": "success"}'),
    "dingtalk": (f"dingtalk://SEC{DIGITS}@{DIGITS}ff", "oapi.dingtalk.com", b'{"errcode": 0, "errmsg": "ok"}'),
    "wecom": (f"wecombot://{DIGITS}-abc", "qyapi.weixin.qq.com", b'{"errcode": 0, "errmsg": "ok"}'),
    "telegram": (f"tgram://123456789:{DIGITS}_ghijklmnop/12315544", "api.telegram.org", b'{"ok": true}'),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "hooks.slack.com", b"ok"),
}
SECRETS = (DIGITS, "TIiajkdnlazkcOXrIdevi7FQ", "A1BRTD4JD")


def made_of(url: str) -> Destination:
    return robot_of(url) or Messenger(url)


def text_of(name: str, request: Received) -> str:
    """What people see of it."""
    body: Any = json.loads(request.body)
    match name:
        case "feishu":
            return str(body["content"]["text"])
        case "dingtalk" | "wecom":
            return str(body["text"]["content"])
        case "telegram":
            return str(body["text"])
        case _:
            return "\n".join(part[key] for part in body["attachments"] for key in ("title", "text"))


@pytest.mark.parametrize("name", list(ROBOTS))
def test_each_gets_the_title_and_the_text_at_its_own_address(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, host, answer = ROBOTS[name]
    caplog.set_level(logging.DEBUG - 1)
    messenger = made_of(url)
    with in_place_of(host, tmp_path, ok(answer)) as (environment, seen):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        messenger.deliver(NOTE)
    assert messenger.name == name
    (request,) = seen
    assert request.line.startswith("POST ")
    assert any(secret in request.line for secret in SECRETS)
    assert NOTE.title in text_of(name, request)
    assert NOTE.text in text_of(name, request)
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.parametrize(
    ("name", "answer", "reason"),
    [
        ("feishu", b'{"code": 19024, "msg": "Key Words Not Found"}', "19024: Key Words Not Found"),
        ("feishu", b"<html>", "the answer is not JSON"),
        ("feishu", b"[]", "the answer is not a JSON object"),
        ("dingtalk", b'{"errcode": 310000, "errmsg": "sign not match"}', "310000: sign not match"),
        ("wecom", b'{"errcode": 93000}', "93000: no reason is given"),
        (
            "wecom",
            f'{{"errcode": 93000, "errmsg": "invalid webhook {DIGITS}-abc"}}'.encode(),
            "93000: invalid webhook [redacted]",
        ),
    ],
)
def test_a_robot_that_refuses_with_200_has_not_delivered(
    name: str, answer: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, host, _ = ROBOTS[name]
    with in_place_of(host, tmp_path, ok(answer)) as (environment, seen):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(Undelivered) as raised:
            made_of(url).deliver(NOTE)
    assert len(seen) == 1
    assert str(raised.value).startswith(reason)
    assert not any(secret in str(raised.value) for secret in SECRETS)


@pytest.mark.parametrize("name", list(ROBOTS))
@pytest.mark.parametrize("status", ["302 Found\r\nLocation: https://elsewhere.invalid/", "401 Unauthorized"])
def test_what_is_not_taken_or_sent_on_is_not_delivered_and_says_no_secret(
    name: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, host, _ = ROBOTS[name]
    caplog.set_level(logging.DEBUG - 1)
    refusal = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with in_place_of(host, tmp_path, refusal) as (environment, seen):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(Undelivered) as raised:
            made_of(url).deliver(NOTE)
    assert len(seen) == 1
    assert not any(secret in str(raised.value) + caplog.text for secret in SECRETS)


def test_a_letter_has_a_subject_and_a_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG - 1)
    with mail_server() as (server, letters):
        url = f"mailto://127.0.0.1:{server.port}?from=gateway@example.org&to=one@example.org,two@example.org"
        messenger = Messenger(url)
        messenger.deliver(NOTE)
    assert messenger.name == "mail 127.0.0.1"
    assert [
        b"rcpt to:<%s@example.org>" % name in letter for name, letter in zip((b"one", b"two"), letters, strict=True)
    ]
    letter = message_from_bytes(letters[0].split(b"\r\n", 2)[2], policy=policy.default)
    assert letter["subject"] == NOTE.title
    assert NOTE.text in letter.get_content()
    assert "one@example.org" not in caplog.text


@pytest.mark.parametrize("greeting", [b"554 no\r\n", b""])
def test_a_mail_server_that_takes_nothing(greeting: bytes) -> None:
    with mail_server(greeting) as (server, letters):
        port = server.port if greeting else refused_port()
        with pytest.raises(Undelivered, match=r"127\.0\.0\.1"):
            Messenger(f"mailto://127.0.0.1:{port}?from=a@example.org&to=b@example.org").deliver(NOTE)
    assert letters == []
