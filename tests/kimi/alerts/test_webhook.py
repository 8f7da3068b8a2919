from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kimi.alerts.delivery import Undelivered
from kimi.alerts.webhook import HEADER, Webhook, signature
from tests.kimi.alerts.receivers import NOTE, answering
from tests.kimi.loopback import Peer, Server, refused_port

SECRET = "a-secret-of-some-length"
NOW = 1_800_000_001.9
DOCS = Path(__file__).parents[3] / "docs"


def snippet(language: str, page: str = "alerts.md") -> str:
    """The example of a page in that language of programs."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    return str(code)


def hook(url: str) -> Webhook:
    return Webhook(f"{url}/hook/path-secret", SECRET, clock=lambda: NOW)


def test_a_note_is_posted_as_signed_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as (server, seen):
        hook(server.url).deliver(NOTE)
    (request,) = seen
    assert request.line == "POST /hook/path-secret HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "id": "1f",
        "at": 1_800_000_000.5,
        "rule": "dead",
        "severity": "warning",
        "subjects": ["alice", "小明"],
        "count": 2,
        "title": NOTE.title,
        "text": NOTE.text,
        "resolved": False,
    }
    expected = hmac.new(SECRET.encode(), b"1800000001." + request.body, hashlib.sha256).hexdigest()
    assert request.headers[HEADER] == f"t=1800000001,v1={expected}"
    assert "secret" not in caplog.text


@pytest.mark.parametrize("page", ["alerts.md", "alerts.zh-CN.md"])
def test_the_example_of_the_page_has_the_fields_that_are_sent(page: str) -> None:
    example: dict[str, Any] = json.loads(snippet("json", page))
    assert list(example) == list(NOTE.__dataclass_fields__)


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_page_has_the_same_programs_in_chinese(language: str) -> None:
    assert snippet(language, "alerts.zh-CN.md") == snippet(language)


@pytest.mark.parametrize(
    ("secret", "changed", "late", "right"),
    [
        (SECRET, b"", 0, True),
        ("another-secret-of-it", b"", 0, False),
        (SECRET, b" ", 0, False),
        (SECRET, b"", 400, False),
    ],
)
@pytest.mark.parametrize("language", ["python", "js"])
def test_the_examples_of_the_page_verify_it(
    language: str, secret: str, changed: bytes, late: int, *, right: bool
) -> None:
    body = '{"text": "小明"}'.encode()
    header, now = signature(SECRET, int(NOW), body), NOW + late
    if language == "python":
        names: dict[str, Any] = {}
        exec(snippet("python"), names)  # noqa: S102 - what readers copy
        assert names["verify"](secret, header, body + changed, now) is right
        return
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node here")
    asked = f"{snippet('js')}\nconst body = Buffer.from('{(body + changed).hex()}', 'hex');\n"
    asked += f"console.log(verify({json.dumps(secret)}, {json.dumps(header)}, body, {now}));"
    answer = subprocess.run([node, "-e", asked], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == str(right).lower()


@pytest.mark.parametrize("status", ["302 Found\r\nLocation: /elsewhere", "400 Bad Request", "503 Service Unavailable"])
def test_all_but_2xx_has_not_arrived(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(answer) as (server, seen), pytest.raises(Undelivered, match=rf"^HTTP {status[:3]}$"):
        hook(server.url).deliver(NOTE)
    assert len(seen) == 1


def test_it_has_arrived_when_2xx_is_said_whatever_becomes_of_the_body() -> None:
    def handler(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        peer.wait_closed()

    with Server(handler) as server:
        Webhook(server.url, SECRET, clock=lambda: NOW, timeouts=(1.0, 0.5)).deliver(NOTE)


def test_nobody_there_is_said_without_the_address() -> None:
    with pytest.raises(Undelivered) as raised:
        hook(f"http://127.0.0.1:{refused_port()}").deliver(NOTE)
    assert str(raised.value) == "no connection (ConnectionError)"
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example.com", "x.invalid"])
def test_a_host_that_cannot_be_is_said_to_be_no_connection(host: str) -> None:
    with pytest.raises(Undelivered, match=r"^no connection \(\w+\)$"):
        hook(f"http://{host}").deliver(NOTE)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with Server(Peer.wait_closed) as server:
        silent = Webhook(server.url, SECRET, clock=lambda: NOW, timeouts=(1.0, 0.05))
        with pytest.raises(Undelivered, match="no answer in time"):
            silent.deliver(NOTE)


def test_it_is_known_by_its_host_alone() -> None:
    webhook = hook("https://hooks.example.com:8443")
    assert webhook.name == "webhook hooks.example.com"
    assert "path" not in webhook.id
    assert webhook.id == hook("https://hooks.example.com:8443").id != hook("https://hooks.example.com").id
