"""What is special about the robots of Feishu, DingTalk and WeCom: signatures, and texts that are not too long."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kimi.alerts.notes import Note
from kimi.alerts.robots import Robot, robot_of
from tests.kimi.alerts.receivers import NOTE, in_place_of
from tests.kimi.loopback import Received, ok

NOW = 1_800_000_001.9
TOLD = ok(b'{"code": 0, "errcode": 0}')


def signature(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def asked(robot: Robot, host: str, directory: Path, monkeypatch: pytest.MonkeyPatch, note: Note = NOTE) -> Received:
    with in_place_of(host, directory, TOLD) as (environment, seen):
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        robot.deliver(note)
    (request,) = seen
    return request


def test_feishu_is_signed_in_the_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = Robot("feishu", "0123-abcd", "s3cret", clock=lambda: NOW)
    request = asked(robot, "open.feishu.cn", tmp_path, monkeypatch)
    assert request.line == "POST /open-apis/bot/v2/hook/0123-abcd HTTP/1.1"
    assert json.loads(request.body) == {
        "msg_type": "text",
        "content": {"text": f"{NOTE.title}\n{NOTE.text}"},
        "timestamp": "1800000001",
        "sign": signature("1800000001\ns3cret", ""),
    }


def test_dingtalk_is_signed_in_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = Robot("dingtalk", "0123abcd", "SEC+/=", clock=lambda: NOW)
    request = asked(robot, "oapi.dingtalk.com", tmp_path, monkeypatch)
    assert parse_qs(urlsplit(request.line.split()[1]).query) == {
        "access_token": ["0123abcd"],
        "timestamp": ["1800000001900"],
        "sign": [signature("SEC+/=", "1800000001900\nSEC+/=")],
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("feishu://0123abcd", "open.feishu.cn"),
        ("dingtalk://0123abcd", "oapi.dingtalk.com"),
        ("wecombot://0123abcd", "qyapi.weixin.qq.com"),
    ],
)
def test_without_a_secret_nothing_is_signed(
    url: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = robot_of(url)
    assert robot is not None
    request = asked(robot, host, tmp_path, monkeypatch)
    assert b"sign" not in request.line.encode() + request.body


def test_a_secret_is_read_from_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = robot_of("feishu://s%40cret@0123-abcd")
    assert robot is not None
    message = json.loads(asked(robot, "open.feishu.cn", tmp_path, monkeypatch).body)
    assert message["sign"] == signature(f"{message['timestamp']}\ns@cret", "")


def test_a_text_is_never_longer_than_wecom_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = robot_of("wecombot://0123abcd")
    assert robot is not None
    request = asked(robot, "qyapi.weixin.qq.com", tmp_path, monkeypatch, replace(NOTE, text="账" * 1000))
    text = json.loads(request.body)["text"]["content"]
    assert text.startswith(f"{NOTE.title}\n账账")
    assert text.endswith("账…")
    assert 1_900 < len(text.encode()) <= 2_048
