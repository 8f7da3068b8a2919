"""What an upstream says of an error is chosen by whoever answers: no terminal, reader or parser may be fooled by it."""

from __future__ import annotations

import base64
import hashlib
import logging
import unicodedata
from collections.abc import Callable, Mapping

import orjson
import pytest
import structlog

from kimi import logs
from kimi.accounts import Kind
from kimi.errors import BrokenAnswer, KimiError
from kimi.http import Answer
from kimi.redaction import redact, redact_name
from kimi.settings import LogFormat
from kimi.upstreams import complaints
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify
from tests.timing import within

MEGABYTE = 1_000_000
JSON = {"content-type": "application/json"}
OVERLOADED = "REASON_SERVER_OVERLOADED_FOR_FREE_USERS"
ENDS = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\x08\x7f"
TURNS = "\u202egnp.exe\u2066\u200f\u061c\ufeff\u200b\U000e0041"
FORGED = 'x\r\n12:00:00 [info] all is well\u2028{"level": "info"}\x85y'


def error_of(status: int, body: object, headers: Mapping[str, str] = JSON, kind: Kind = Kind.KIMI) -> KimiError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return classify(complaints.of_answer(kind, Answer(status, headers, raw)), Drift())


def is_seen(text: str) -> bool:
    """Whether every character is one that is seen as it is."""
    return not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text)


@pytest.mark.parametrize("text", [ENDS, TURNS, FORGED, "a\ud800b", "\n" * 50_000 + "x"])
@pytest.mark.parametrize("shown", [redact, redact_name])
def test_what_is_shown_is_one_line_of_which_all_is_seen(shown: Callable[[str], str], text: str) -> None:
    line = shown(text)

    assert is_seen(line) and len(line) <= 300 and len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    "text",
    [
        " " * 16_371 + "//user:word@host",
        "x" + " " * 16_371 + "//user:word@host",
        "x " * 8_185 + "sk-1234567890",
        "y" * 16_380 + " eyJhbGciOi.eyJzdWIi.c2ln",
    ],
)
def test_half_a_secret_is_not_shown_where_a_text_is_cut(text: str) -> None:
    line = redact(text, limit=20_000)

    assert not any(part in line for part in ("user:", "sk-1", "eyJh"))


@pytest.mark.parametrize("kind", list(Kind))
def test_no_piece_of_the_token_that_was_sent_is_repeated(kind: Kind) -> None:
    token = base64.urlsafe_b64encode(hashlib.sha384(b"a token").digest()).decode()
    pieces = (token, token[12:], base64.b64encode(token.encode()).decode(), token.encode().hex())
    for piece in pieces:
        said = {"message": f"{piece} is refused", "type": f"x {piece}", "error_type": piece, "reason": piece}
        error = error_of(400, {"error": said, **said}, kind=kind)
        shown = f"{error!r} {getattr(error, 'explained', '')}"
        assert not any(piece[place : place + 16] in shown for place in range(len(piece) - 15))
    named = error_of(400, {"error": {"message": "x", **dict.fromkeys(("type", "reason"), OVERLOADED)}}, kind=kind)
    assert OVERLOADED in str(named)


@pytest.mark.parametrize("unit", ["a", " ", "\n", "eyJ", "//", "sk-", "bearer ", "@", "org-", "\x1b", "月", "a-"])
def test_many_megabytes_cost_no_more_than_their_beginning(unit: str) -> None:
    text = unit * (32 * MEGABYTE // len(unit))
    with within(0.1):  # a thousandth of a second; all of most of them takes half a second
        redact(text)


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.usefixtures("own_logging")
def test_no_line_of_the_log_is_made_by_what_is_logged(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", form)
    nasty = f"{FORGED}{ENDS}{TURNS}"
    structlog.stdlib.get_logger("tests").warning("failed", reason=nasty, more={"list": [nasty]})
    logging.getLogger("urllib3").warning("retrying %s", nasty)
    logs.writer("tests", "told", for_people=lambda fields: str(fields["reason"]))(logging.INFO, {"reason": nasty})

    said = capsys.readouterr().err
    begun = [line for line in said.split("\n") if line and not line.startswith("    ")]
    assert len(begun) == 3 and not any(line.startswith("12:00:00 [info] all") for line in begun)
    assert is_seen(said.replace("\n", ""))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, {"location": "https://["}, b""),
        (302, {"location": "https://kimi\u2100.com/"}, b""),
        (307, {"location": "//" + "a" * MEGABYTE}, b""),
        (400, JSON, {"code": "x" * MEGABYTE, "message": "y" * MEGABYTE}),
        (400, JSON, {"code": f"a{ENDS}", "message": f"{FORGED}{TURNS}"}),
        (400, JSON, {"details": [{"debug": {"reason": f"r{n}", "message": "m" * 99}} for n in range(9_000)]}),
        (429, {"retry-after": "9" * 5_000}, b"{}"),
        (429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 -9999", "date": "Mon, 01 Jan 0001 00:00:00 +9999"}, b"{}"),
        (429, {"retry-after": "(" * 100_000}, b"{}"),
        (500, JSON, b"[" * 100_000),
        (500, JSON, b'{"message":' * 100_000),
        (500, JSON, b'{"message": "\\ud800"}'),
        (500, JSON, b'\xef\xbb\xbf{"code": NaN}'),
        (500, JSON, b'{"code": 1e400, "message": "\xff\x00"}'),
        (500, {"content-type": f"text/html{ENDS}" + "x" * MEGABYTE}, b"<html>"),
        (999, JSON, {"error": {"error": {"error": []}}}),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_any_answer_is_an_error_with_a_short_clean_text(
    kind: Kind, status: int, headers: Mapping[str, str], body: object
) -> None:
    error = error_of(status, body, headers, kind)

    assert is_seen(str(error)) and len(str(error)) <= 300
    assert error.retry_after is None or 0 <= error.retry_after < 1e13


def test_an_error_keeps_no_more_of_what_was_said_than_it_needs() -> None:
    told = complaints.of_object(Kind.KIMI, {"details": [{"debug": {"reason": f"r{n}"}} for n in range(9_000)]})

    assert told is not None and len(told.reasons) <= 16
    long = complaints.of_object(Kind.KIMI, {"code": "x" * MEGABYTE, "message": "y" * MEGABYTE})
    assert long is not None and len(long.reasons[0]) <= 200 and len(long.message) <= 4_000


def test_the_names_of_what_is_not_known_are_no_texts(caplog: pytest.LogCaptureFixture) -> None:
    drift = Drift()
    for name in ("x" * MEGABYTE, ENDS, FORGED, TURNS, "<script>alert(1)</script>", "sk-1234567890", 1e300, ["a"] * 9):
        drift.note(Kind.KIMI, "event", name, {str(name): name, "deep": [[[[[[[[name]]]]]]]]})

    assert {seen.name for seen in drift.take()} == {"(str)", "(float)", "(list)"}
    assert all(is_seen(record.getMessage()) and len(record.getMessage()) < 600 for record in caplog.records)


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 2_000 + b"]" * 2_000])
def test_depth_is_broken_and_no_error_of_ours(nested: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        Answer(200, JSON, nested).json()
