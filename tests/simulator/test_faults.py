"""Faults: where they strike, how often, and what they look like."""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from devtools.waiting import until
from tests.simulator.clients import Client, connect_text, events, frames

if TYPE_CHECKING:
    from tests.simulator.running import Simulator


def body_until_it_breaks(answer: requests.Response) -> tuple[bytes, bool]:
    """What came, and whether the end was clean."""
    body = b""
    try:
        for piece in answer.iter_content(None):
            body += piece
    except requests.exceptions.RequestException:
        return body, False
    return body, True


# which requests are struck


def test_a_fault_strikes_so_often_and_not_before(kimi: Simulator, web: Client) -> None:
    kimi.fault("http", times=2, after=1, status=418, match={"endpoint": "user"})
    assert [web.call("GET", "/api/user").status_code for _ in range(5)] == [200, 418, 418, 200, 200]


def test_a_fault_strikes_only_what_it_matches(kimi: Simulator, web: Client, classic: Client) -> None:
    kimi.fault("http", status=418, times=None, match={"account": "classic"})
    kimi.fault("http", status=419, times=None, match={"kind": "kimi", "endpoint": "chat", "contains": "magic"})
    assert web.call("GET", "/api/user").status_code == 200
    assert classic.call("GET", "/api/user").status_code == 418
    assert web.chat("magic").status_code == 419
    assert web.chat("plain").status_code == 200


def test_a_fault_passes_the_dialects_that_do_not_know_it(kimi: Simulator, web: Client, official: Client) -> None:
    kimi.fault("error", reason="plan", match={"endpoint": "chat"})
    assert official.ask().status_code == 200
    assert b"resource_exhausted" in web.chat().content


def test_faults_are_listed_and_dropped(kimi: Simulator, web: Client) -> None:
    first = kimi.fault("http", status=418, times=None)
    second = kimi.fault("slow", seconds=0, times=None)
    kimi.control("DELETE", f"faults?id={first}")
    assert [fault["id"] for fault in kimi.state()["faults"]] == [second]
    assert web.call("GET", "/api/user").status_code == 200
    kimi.control("DELETE", "faults")
    assert kimi.state()["faults"] == []


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"what": "gremlins"}, "unknown fault 'gremlins'; known: abnormal"),
        ({"what": "slow", "args": {"minutes": 1}}, "takes no minutes"),
        ({"what": "retract", "match": {"endpoint": "exchange"}}, "cannot strike 'exchange'"),
        ({"what": "error", "args": {"reason": "boredom"}}, "unknown reason 'boredom'"),
        ({"what": "degrade", "match": {"kind": "moonshot"}}, "does not exist in moonshot"),
        ({"what": "error", "args": {"reason": "plan"}, "match": {"kind": "kimi-classic"}}, "does not exist in"),
        ({"what": "slow", "match": {"colour": "red"}}, "match has no colour"),
        ({"what": "slow", "times": -1}, "times has to be"),
        ({"what": "slow", "sometimes": 1}, "a fault has no sometimes"),
        ({"what": "answer", "args": {"txt": "?"}}, "unknown in a script: txt"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(kimi: Simulator, wanted: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        kimi.control("POST", "faults", wanted)


def test_every_fault_of_the_catalogue_can_be_set(kimi: Simulator) -> None:
    for what in kimi.control("GET", "catalogue"):
        assert kimi.fault(what)


def test_a_body_may_be_compressed(kimi: Simulator, web: Client) -> None:
    kimi.fault("gzip")
    answer = web.chat()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert connect_text(frames(answer.content)).endswith("完。")


# any call


def test_server_errors_are_html_pages(kimi: Simulator, web: Client) -> None:
    for status in (500, 502, 503, 504):
        kimi.fault("http", status=status)
        answer = web.chat()
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/html")


def test_a_redirect_leads_elsewhere(kimi: Simulator, classic: Client) -> None:
    kimi.fault("http", status=307)
    answer = classic.call("GET", "/api/user", allow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["Location"].startswith("https://")


def test_a_status_may_have_any_body(kimi: Simulator, classic: Client) -> None:
    kimi.fault("http", status=410, body={"error_type": "x", "message": "y"}, headers={"Retry-After": "9"})
    answer = classic.call("GET", "/api/user")
    assert (answer.status_code, answer.json()["error_type"], answer.headers["Retry-After"]) == (410, "x", "9")


@pytest.mark.parametrize("what", ["reset", "close", "refused"])
def test_connections_break_before_any_answer(kimi: Simulator, web: Client, what: str) -> None:
    kimi.fault(what, match={"kind": "kimi"})
    with pytest.raises(requests.ConnectionError):
        web.chat()
    assert kimi.account("web")["chats_created"] == 0
    assert web.chat().status_code == 200


def test_a_new_connection_is_refused_before_it_is_served(kimi: Simulator) -> None:
    kimi.fault("refused", match={"kind": "moonshot"})
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{kimi.url}/v1/models", timeout=5)
    assert kimi.state()["strangers"] == {}


def test_a_connection_can_be_hung_up_after_the_answer(kimi: Simulator, web: Client) -> None:
    kimi.fault("hangup")
    address = urlsplit(kimi.url)
    request = f"GET /api/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {web.access}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" not in answer.lower()


def test_silence_lasts_until_the_client_leaves(kimi: Simulator, web: Client) -> None:
    kimi.fault("hang")
    with pytest.raises(requests.ReadTimeout):
        web.call("GET", "/api/user", timeout=0.2)


def test_error_bodies_may_come_with_200(kimi: Simulator, classic: Client) -> None:
    kimi.fault("error", reason="overloaded", where="json", match={"endpoint": "chat"})
    answer = classic.complete(classic.new_chat())
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["error_type"] == "openai.completion.stream"


@pytest.mark.parametrize(
    ("reason", "status", "error_type"),
    [
        ("invalid_token", 401, "auth.token.invalid"),
        ("forbidden", 403, "chat.forbidden"),
        ("busy", 429, "chat.user_stream_pushing"),
        ("abnormal", 403, "auth.account_abnormal"),
        ("too_long", 400, "openai.completion.token_length_too_long"),
    ],
)
def test_classic_errors(kimi: Simulator, classic: Client, reason: str, status: int, error_type: str) -> None:
    chat_id = classic.new_chat()
    kimi.fault("error", reason=reason)
    answer = classic.complete(chat_id)
    assert (answer.status_code, answer.json()["error_type"]) == (status, error_type)
    kimi.fault("error", reason=reason, where="middle", texts=2)
    found = events(classic.complete(chat_id).content)
    assert found[-1]["event"] == "error"
    assert found[-1]["error"]["error_type"] == error_type
    assert len([event for event in found if event["event"] == "cmpl"]) == 2


@pytest.mark.parametrize(
    ("reason", "code", "fine"),
    [
        ("invalid_token", "unauthenticated", "REASON_INVALID_AUTH_TOKEN"),
        ("overloaded", "resource_exhausted", "REASON_COMPLETION_OVERLOADED"),
        ("overloaded_free", "resource_exhausted", "REASON_SERVER_OVERLOADED_FOR_FREE_USER"),
        ("plan", "resource_exhausted", None),
        ("spent", "resource_exhausted", None),
        ("busy", "resource_exhausted", None),
        ("concurrent_limit", "permission_denied", None),
    ],
)
def test_connect_errors(kimi: Simulator, web: Client, reason: str, code: str, fine: str | None) -> None:
    kimi.fault("error", reason=reason, where="trailer")
    kimi.fault("error", reason=reason, where="first", silent=True)
    kimi.fault("error", reason=reason, where="end")
    kimi.fault("error", reason=reason, where="http")
    trailer, first, end = (frames(web.chat().content) for _ in range(3))
    assert [flags for flags, _ in trailer if flags == 2] == [2]
    error = trailer[-1][1]["error"]
    assert error["code"] == code
    assert error["details"][0]["debug"].get("reason") == fine
    data = [message for flags, message in first if flags == 0 and "error" in message]
    assert data[0]["error"]["message"] == ""
    assert data[0]["error"]["details"][0]["debug"]["localizedMessage"]["message"]
    assert first[-1] == (2, {})
    assert "完" in connect_text(end)
    assert end[-1][1]["error"]["code"] == code
    assert web.chat().status_code >= 400


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("content_filter", 400, "content_filter"),
        ("too_long", 400, "invalid_request_error"),
        ("incorrect_key", 401, "incorrect_api_key_error"),
        ("permission", 403, "permission_denied_error"),
        ("overloaded", 429, "engine_overloaded_error"),
        ("spent", 429, "exceeded_current_quota_error"),
        ("rate", 429, "rate_limit_reached_error"),
        ("internal", 500, "server_error"),
        ("unavailable", 503, "server_unavailable"),
    ],
)
def test_moonshot_errors(kimi: Simulator, official: Client, reason: str, status: int, kind: str) -> None:
    kimi.fault("error", reason=reason)
    answer = official.ask(stream=True)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert ("Retry-After" in answer.headers) == (reason == "overloaded")
    kimi.fault("error", reason=reason, where="middle")
    assert events(official.ask(stream=True).content)[-1]["error"]["type"] == kind


# inside streams


def test_an_answer_is_retracted(kimi: Simulator, web: Client) -> None:
    kimi.fault("retract", reason="overloaded")
    messages = [message for _, message in frames(web.chat().content)]
    error = next(m["block"]["exception"]["error"] for m in messages if m.get("mask") == "block.exception")
    assert (error["severity"], error["reason"]) == ("SEVERITY_BLOCK_RETRACT", "REASON_COMPLETION_OVERLOADED")


def test_a_smaller_model_answers(kimi: Simulator, web: Client) -> None:
    kimi.fault("degrade")
    messages = frames(web.chat().content)
    assert "TYPE_MODEL_DEGRADE" in [m.get("notification", {}).get("type") for _, m in messages]
    assert "完" in connect_text(messages)


def test_a_success_can_be_empty(kimi: Simulator, web: Client, classic: Client) -> None:
    kimi.fault("empty", times=2)
    messages = frames(web.chat().content)
    assert (connect_text(messages), messages[-1]) == ("", (2, {}))
    assert events(classic.complete(classic.new_chat()).content)[-1] == {"event": "all_done"}


@pytest.mark.parametrize("how", ["cut", "reset", "fin"])
def test_a_stream_ends_before_it_begins(kimi: Simulator, web: Client, how: str) -> None:
    kimi.settings(body="chunked")
    kimi.fault("truncate", at="start", how=how)
    try:
        body, clean = body_until_it_breaks(web.chat(stream=True))
    except requests.ConnectionError:
        body, clean = b"", False
    assert (b'"text"' in body, clean) == (False, how == "fin")
    assert kimi.account("web")["broken"] == 1
    assert kimi.account("web")["chats_alive"] == 0, "a chat that nobody heard of cannot be deleted"


@pytest.mark.parametrize("at", ["middle", "frame", "character"])
def test_a_stream_ends_in_the_middle(kimi: Simulator, web: Client, at: str) -> None:
    kimi.settings(tame=True, answer="你好😀" * 40)
    kimi.fault("truncate", at=at, texts=5)
    body, clean = body_until_it_breaks(web.chat(stream=True))
    assert not clean
    whole, rest = 0, body
    while len(rest) >= 5 and len(rest) >= 5 + struct.unpack(">I", rest[1:5])[0]:
        length = struct.unpack(">I", rest[1:5])[0]
        whole += b'block.text"' in rest[:length] or b"block.text.content" in rest[:length]
        rest = rest[5 + length :]
    assert whole == 6, "the user's echo and five of the answer"
    assert bool(rest) == (at != "middle")
    if at == "character":
        with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
            rest[5:].decode()


def test_the_end_can_be_missing(kimi: Simulator, web: Client, classic: Client, official: Client) -> None:
    kimi.settings(tame=True)
    kimi.fault("no_end", times=3)
    messages = frames(web.chat().content)
    assert "完" in connect_text(messages)
    assert all(flags == 0 for flags, _ in messages)
    assert events(classic.complete(classic.new_chat()).content)[-1]["event"] == "cmpl"
    assert b"[DONE]" not in official.ask(stream=True).content


@pytest.mark.parametrize("what", ["garbage", "bad_json", "bad_utf8"])
def test_nonsense_comes_in_between(kimi: Simulator, classic: Client, what: str) -> None:
    kimi.settings(tame=True)
    kimi.fault(what)
    body = classic.complete(classic.new_chat()).content
    assert body.endswith(b'{"event":"all_done"}\n\n')
    with pytest.raises(UnicodeDecodeError if what != "bad_json" else json.JSONDecodeError):
        events(body.decode().encode())


def test_frames_can_be_what_they_must_not_be(kimi: Simulator, web: Client) -> None:
    kimi.settings(tame=True)
    kimi.fault("oversize", bytes=9_000_000)
    kimi.fault("compressed")
    kimi.fault("bad_flags", flags=0x40)
    sizes, flags = [], []
    for _ in range(3):
        body = web.chat().content
        while body:
            flag, length = struct.unpack(">BI", body[:5])
            sizes.append(length)
            flags.append(flag)
            body = body[5 + length :]
    assert max(sizes) > 8 * 1024 * 1024
    assert set(flags) == {0, 1, 2, 0x40}


def test_unknown_messages_do_not_disturb_the_answer(kimi: Simulator, web: Client, classic: Client) -> None:
    kimi.fault("unknown", times=2)
    messages = frames(web.chat().content)
    assert "block.hologram" in [message.get("mask") for _, message in messages]
    assert connect_text(messages).endswith("完。")
    assert "brand_new_event" in [event.get("event") for event in events(classic.complete(classic.new_chat()).content)]


def test_only_heartbeats_come(kimi: Simulator, web: Client) -> None:
    kimi.settings(tame=True)
    kimi.fault("heartbeats", every=0.001)
    with web.chat(stream=True) as answer:
        body = b""
        for piece in answer.iter_content(None):
            body += piece
            if body.count(b'{"heartbeat":{}}') > 20:
                break
    assert b"block.text.content" not in body
    until(lambda: kimi.account("web")["closed_by_peer"] == 1, what="the simulator notices that we left")


def test_a_client_that_leaves_during_silence_is_noticed(kimi: Simulator, web: Client) -> None:
    kimi.fault("hang", texts=2)
    web.chat(stream=True).close()
    until(lambda: kimi.account("web")["closed_by_peer"] == 1, what="the simulator notices that we left")
    assert kimi.account("web")["open_streams"] == 0


def test_an_account_is_free_as_soon_as_its_client_has_left(kimi: Simulator, web: Client) -> None:
    kimi.fault("hang", texts=2, times=None, match={"contains": "wait"})
    for _ in range(20):
        web.chat("wait", stream=True).close()
        assert frames(web.chat("go on").content)[-1] == (2, {})


def test_an_account_may_stay_busy_after_its_client_left(kimi: Simulator, web: Client) -> None:
    kimi.settings(linger_seconds=0.2)
    kimi.fault("hang", texts=2)
    web.chat(stream=True).close()
    until(lambda: kimi.account("web")["closed_by_peer"] == 1)
    assert "session in progress" in web.chat().text
    until(lambda: kimi.account("web")["open_streams"] == 0)


def test_finish_reasons_of_the_platform(kimi: Simulator, official: Client) -> None:
    kimi.fault("finish", reason="server_interrupted")
    kimi.fault("length")
    kimi.fault("content_filter")
    kimi.fault("content_filter", texts=2)
    found = []
    for streams in (True, True, True, True):
        answer = official.ask(stream=streams)
        if answer.status_code != 200:
            found.append(answer.json()["error"]["type"])
            continue
        choices = [chunk["choices"][0] for chunk in events(answer.content) if chunk["choices"]]
        found.append(next(choice["finish_reason"] for choice in choices if choice["finish_reason"]))
    assert found == ["server_interrupted", "length", "content_filter", "content_filter"]


def test_a_whole_answer_can_be_cut(kimi: Simulator, official: Client) -> None:
    kimi.fault("truncate")
    with pytest.raises(requests.RequestException):
        official.ask()


def test_an_answer_can_be_scripted_for_one_request(kimi: Simulator, web: Client) -> None:
    kimi.fault("answer", text="只此一次 once", thinking="hm", match={"contains": "script"})
    assert connect_text(frames(web.chat("script").content)) == "只此一次 once"
    assert "simulator" in connect_text(frames(web.chat("script").content))
