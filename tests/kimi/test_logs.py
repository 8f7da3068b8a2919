from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from kimi import logs
from kimi.redaction import redact

JWT = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
log = structlog.stdlib.get_logger("tests.logs")
pytestmark = pytest.mark.usefixtures("own_logging")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log.info("token refreshed", account="爱丽丝", seconds=0.25, attempt=None)
    (line,) = lines(capsys)
    assert list(line)[:4] == ["timestamp", "level", "event", "logger"]
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "level": "info",
        "event": "token refreshed",
        "logger": "tests.logs",
        "account": "爱丽丝",
        "seconds": 0.25,
        "attempt": None,
    }


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    log.info("no")
    logging.getLogger("urllib3").info("no")
    log.warning("yes")
    assert [line["event"] for line in lines(capsys)] == ["yes"]


@pytest.mark.parametrize("name", ["gunicorn.error", "gunicorn.access", "urllib3.connectionpool", "redis"])
def test_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logging.getLogger(name).propagate = name == "urllib3.connectionpool"
    logging.getLogger("redis").propagate = True
    logs.configure("info", "json")
    logging.getLogger(name).warning("said %s to %d", "hello", 3)
    (line,) = lines(capsys)
    assert (line["level"], line["event"], line["logger"]) == ("warning", "said hello to 3", name)


def test_secrets_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log.info(
        "refused %s",
        JWT,
        refresh_token="opaque-value",
        nested={"list": [f"Bearer {JWT}", {"api_key": "sk-abcdefgh"}]},
        proxy="socks5h://user:p@ss@host:1080",
        error=ValueError(f"token {JWT}"),
    )
    logging.getLogger("urllib3").warning("GET with %s", "sk-abcdefgh")
    said = capsys.readouterr().err
    assert said.count("[redacted]") == 7
    for secret in ("eyJ", "opaque-value", "sk-", "user:p", "ss@"):
        assert secret not in said


def test_a_traceback_keeps_its_lines_and_loses_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        int(f"bad {JWT}")
    except ValueError:
        log.exception("failed")
    (line,) = lines(capsys)
    assert line["exception"].splitlines()[-1].endswith("'bad [redacted]'")
    assert "\n  File " in line["exception"]


def test_a_line_that_json_cannot_hold_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log.info("half a pair \udc80", large=2**80)
    (line,) = lines(capsys)
    assert line["large"] == 2**80


def test_context_of_a_request_is_on_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.info("inside")
    log.info("outside")
    inside, outside = lines(capsys)
    assert inside["request_id"] == "r1"
    assert "request_id" not in outside


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")
    try:
        int(f"bad {JWT}")
    except ValueError:
        log.exception("failed", account="alice")
    said = capsys.readouterr().err
    assert "failed" in said
    assert "account=alice" in said
    assert "'bad [redacted]" in said
    assert "eyJ" not in said


def test_the_short_way_writes_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    fields = {
        "token": "opaque",
        "model": JWT,
        "count": 2,
        "streamed": True,
        "failures": ["爱", f"Bearer {JWT}"],
        "x": 0.5,
    }
    logs.configure("info", "json")
    logs.writer("tests.logs", "request")(logging.INFO, dict(fields))
    log.info("request", **fields)
    short, long = lines(capsys)
    assert short.pop("timestamp") <= long.pop("timestamp")
    assert list(short.items()) == list(long.items())
    assert short["failures"] == ["爱", "[redacted]"]


def test_the_short_way_leaves_lines_below_the_level_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    write = logs.writer("tests.logs", "request")
    write(logging.DEBUG, {})
    write(logging.INFO, {})
    assert [line["level"] for line in lines(capsys)] == ["info"]


def test_the_short_way_knows_the_console_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")
    logs.writer("tests.logs", "request")(logging.INFO, {"model": JWT})
    assert "model=[redacted]" in capsys.readouterr().err


def test_on_a_console_a_line_can_be_made_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "console")
    write = logs.writer("tests.logs", "request", for_people=lambda fields: f"asked for {fields['model']}")
    write(logging.DEBUG, {"model": "nothing"})
    write(logging.INFO, {"model": JWT})
    log.info("something else", account="alice")
    theirs, others = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d asked for \[redacted\]", theirs)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info\] something else \[tests.logs\] account=alice", others)


def test_a_line_that_cannot_be_written_harms_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        logs.configure("info", "json")
        log.info("first")
    log.info("the disk is full, or whoever read has gone")
    assert (tmp_path / "log").read_text().count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["eyJhbGciOiJ9.eyJ", "a sk-abcdefgh", "org-abcdef12", "ak-abcdef1", "proj-1234567", "key-123456", "//me:pw@host/x"],
)
def test_every_kind_of_secret_is_found(text: str) -> None:
    assert "[redacted]" in redact(text)
    assert "[redacted]" in redact("bEaReR opaque")
