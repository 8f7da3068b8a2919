"""What the command line says of alerts."""

from __future__ import annotations

import json
import time

from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_alerts import NOTHING, NOWHERE
from kimi.alerts.notes import Rule
from kimi.pool import Store, connect
from kimi.pool.alerts import Active, AlertBook
from tests.kimi.alerts.receivers import answering, mail_server
from tests.kimi.loopback import refused_port

SECRET = "a-secret-of-some-length"


def run(redis_url: str, *arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(main, ["alerts", *arguments], env={"REDIS_URL": redis_url, **settings})


def dies(redis_url: str) -> None:
    with connect(redis_url) as redis:
        book = AlertBook(Store(redis))
        assert book.hold("test", 15)
        since = time.time() - 120
        dead = Active(rule=Rule.DEAD, subjects=("alice",), count=1, since=since, figure=0, limit=1)
        assert book.write("test", [], [], [dead])


def test_what_is_wrong_is_a_table(redis_url: str) -> None:
    assert run(redis_url, "list").output == f"{NOTHING}\n"
    dies(redis_url)
    head, row = run(redis_url, "list").output.splitlines()
    assert head.split() == ["RULE", "SINCE", "WHAT"]
    assert row.startswith("dead  2 min ago  Their login was refused: alice. ")


def test_programs_get_json_in_the_language_of_the_operator(redis_url: str) -> None:
    dies(redis_url)
    shown = json.loads(run(redis_url, "list", "--json", ALERT_LANGUAGE="zh").output)
    assert (shown["rule"], shown["subject"]) == ("dead", "alice")
    assert shown["message"].startswith("登录已失效：alice。")


def test_a_test_goes_to_every_destination_and_says_what_came_of_it(redis_url: str) -> None:
    with answering() as (server, calls), mail_server() as (post, letters):
        urls = f"mailto://127.0.0.1:{post.port}?from=a@example.org&to=b@example.org"
        settings = {"ALERT_WEBHOOK_URL": f"{server.url}/path", "ALERT_WEBHOOK_SECRET": SECRET, "ALERT_URLS": urls}
        result = run(redis_url, "test", ALERT_LANGUAGE="zh", **settings)
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()[1:]] == [
        ["webhook", "127.0.0.1", "yes", "delivered"],
        ["mail", "127.0.0.1", "yes", "delivered"],
    ]
    (call,) = calls
    assert json.loads(call.body)["rule"] == "test"
    assert json.loads(call.body)["title"] == "Kimi：测试消息"
    assert len(letters) == 1


def test_what_has_not_arrived_is_exit_code_1_and_shows_no_secret(redis_url: str) -> None:
    settings = {"ALERT_WEBHOOK_URL": f"http://127.0.0.1:{refused_port()}/path", "ALERT_WEBHOOK_SECRET": SECRET}
    result = run(redis_url, "test", "--json", **settings)
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "destination": "webhook 127.0.0.1",
        "ok": False,
        "message": "no connection (ConnectionError)",
    }


def test_no_destination_is_explained(redis_url: str) -> None:
    result = run(redis_url, "test")
    assert (result.exit_code, result.output) == (1, f"Error: {NOWHERE}\n")
    told = run(redis_url, "test", "--json")
    assert told.exit_code == 1
    assert json.loads(told.output) == {"destination": "", "ok": False, "message": NOWHERE}


def test_bad_addresses_are_one_message_and_exit_code_2(redis_url: str) -> None:
    result = run(redis_url, "test", ALERT_URLS="feishu://sec*ret", ALERT_WEBHOOK_URL="https://x.example/secret")
    assert result.exit_code == 2
    assert "ALERT_URLS: address 1 (feishu://) is not complete" in result.output
    assert "ALERT_WEBHOOK_SECRET: is not set" in result.output
    assert "sec*ret" not in result.output
    assert "/secret" not in result.output
