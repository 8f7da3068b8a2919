"""The gateway behind a real gunicorn with the product's own configuration."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from devtools.waiting import until
from tests.gateway.gunicorns import KEY, TRACE, Gunicorn, running
from tests.gateway.server.listening import rest

APP = "tests.gateway.served:app"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory, shared_valkey: Any) -> Iterator[Gunicorn]:
    """One gateway for all tests that leave it running."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with running(
        folder,
        shared_valkey.url,
        app=APP,
        GATEWAY_WORKERS="2",
        GATEWAY_HEARTBEAT_SECONDS="1",
        GATEWAY_MAX_BODY_MB="0.1",
        GATEWAY_MAX_CONNECTIONS="30",
        **{TRACE: str(folder / "trace")},
    ) as found:
        yield found


def body(question: str, *, stream: bool = False) -> dict[str, Any]:
    return {"model": "kimi", "messages": [{"role": "user", "content": question}], "stream": stream}


def ask(gunicorn: Gunicorn, question: str, *, stream: bool = False, **more: Any) -> requests.Response:
    url = f"{gunicorn.base}/v1/chat/completions"
    return requests.post(url, json=body(question, stream=stream), headers=AUTHORIZED, stream=stream, timeout=60, **more)


def raw(gunicorn: Gunicorn, request: bytes, *, stay: bool = False) -> bytes:
    """What comes back for bare bytes until the connection is closed; a client that does not `stay` says no more."""
    with gunicorn.connect() as connection:
        connection.sendall(request)
        if not stay:
            connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def head(length: int | None = None, version: str = "1.1") -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (
        f"POST /v1/chat/completions HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{framing}\r\n\r\n"
    ).encode()


def test_a_whole_answer(gunicorn: Gunicorn) -> None:
    answer = ask(gunicorn, "hello world")
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "hello world "


def test_a_stream_arrives_as_it_is_made(gunicorn: Gunicorn) -> None:
    with ask(gunicorn, "one sleep=2.5 two", stream=True) as answer:
        pieces = list(answer.iter_content(None))
    assert answer.headers["transfer-encoding"] == "chunked"
    assert b'"one ' in pieces[0] and b'"two ' not in pieces[0]
    assert pieces[1].startswith(b":")  # a heartbeat
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")


def test_http_1_0_clients_get_a_stream_that_ends_with_the_connection(gunicorn: Gunicorn) -> None:
    question = orjson.dumps(body("one two", stream=True))
    headers, _, stream = raw(gunicorn, head(len(question), "1.0") + question, stay=True).partition(b"\r\n\r\n")
    assert headers.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))
    assert b"chunked" not in headers.lower()
    assert stream.startswith(b"data: {") and stream.endswith(b"data: [DONE]\n\n")


def test_a_chunked_body_is_understood(gunicorn: Gunicorn) -> None:
    question = orjson.dumps(body("hello"))
    answer = requests.post(
        f"{gunicorn.base}/v1/chat/completions", data=iter([question[:9], question[9:]]), headers=AUTHORIZED, timeout=30
    )
    assert answer.json()["choices"][0]["message"]["content"] == "hello "


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused(gunicorn: Gunicorn, *, chunked: bool) -> None:
    question = b" " * 200_000
    answer = requests.post(
        f"{gunicorn.base}/v1/chat/completions",
        data=iter([question]) if chunked else question,
        headers=AUTHORIZED,
        timeout=30,
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    "request_bytes",
    [
        head(999) + orjson.dumps(body("hello")),
        head() + b"20\r\n" + orjson.dumps(body("hello"))[:16],
        head() + b"no number\r\n",
    ],
    ids=["declared", "chunked", "malformed"],
)
def test_a_body_that_breaks_off_is_no_request(gunicorn: Gunicorn, request_bytes: bytes) -> None:
    before = gunicorn.trace.count("started")
    answer = raw(gunicorn, request_bytes)
    assert answer == b"" or b"incomplete_body" in answer
    assert ask(gunicorn, "hello").status_code == 200
    assert gunicorn.trace.count("started") == before + 1


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"nonsense\r\n\r\n", b"400", b"malformed_http"),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", b"400", b"malformed_http"),
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n\r\n", b"414", b"uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431", b"headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", b"417", b"expectation_failed"),
    ],
)
def test_what_is_not_http_is_refused_in_json(
    gunicorn: Gunicorn, request_bytes: bytes, status: bytes, code: bytes
) -> None:
    headers, _, answer = raw(gunicorn, request_bytes).partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 " + status)
    assert b"x-request-id: req-" in headers.lower()
    assert orjson.loads(answer)["error"]["code"].encode() == code


def test_a_long_authorization_is_read(gunicorn: Gunicorn) -> None:
    answer = requests.get(f"{gunicorn.base}/v1/models", headers={"Authorization": f"Bearer {'x' * 60_000}"}, timeout=30)
    assert answer.status_code == 401


def test_idle_connections_shut_nobody_out(gunicorn: Gunicorn) -> None:
    with ExitStack() as idle:
        for _ in range(90):
            idle.enter_context(gunicorn.connect())
        assert ask(gunicorn, "hello").status_code == 200


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("words", ["sleep=60", "one sleep=60"])
def test_a_client_that_leaves_is_noticed_at_once(gunicorn: Gunicorn, words: str, *, stream: bool) -> None:
    closed, started = gunicorn.trace.count("closed"), gunicorn.trace.count("started")
    question = orjson.dumps(body(words, stream=stream))
    with gunicorn.connect() as connection:
        connection.sendall(head(len(question)) + question)
        until(lambda: gunicorn.trace.count("started") > started, what="it has begun")
        if stream and words.startswith("one"):
            assert connection.recv(65_536)
    left = time.monotonic()
    until(lambda: gunicorn.trace.count("closed") == closed + 1, seconds=5, what="the completion is closed")
    assert time.monotonic() - left < 0.5


def test_an_answer_whose_client_has_said_goodbye_has_no_end(gunicorn: Gunicorn) -> None:
    question = orjson.dumps(body("one sleep=60 two", stream=True))
    with gunicorn.connect() as connection:
        connection.sendall(head(len(question)) + question)
        came = b""
        while b'"one ' not in came:
            came += connection.recv(65_536)
        connection.shutdown(socket.SHUT_WR)
        came += rest(connection)
    assert not came.endswith(b"\r\n0\r\n\r\n"), "or it would pass for whole"


def test_a_request_that_waits_behind_another_is_answered_after_it(gunicorn: Gunicorn) -> None:
    first, second = (orjson.dumps(body(words)) for words in ("one sleep=0.3 two", "three"))
    with gunicorn.connect() as connection:
        connection.sendall(head(len(first)) + first + head(len(second)) + second)
        answers = b""
        while answers.count(b'"finish_reason"') < 2:
            answers += connection.recv(65_536)
    assert answers.index(b"one two") < answers.index(b"three")


def test_figures_are_those_of_all_workers(gunicorn: Gunicorn) -> None:
    def answered() -> float:
        text = requests.get(f"{gunicorn.base}/metrics", timeout=30).text
        prefix = 'kimi_gateway_requests_total{route="/v1/chat/completions",status="200",stream="false"} '
        return next((float(line.removeprefix(prefix)) for line in text.splitlines() if line.startswith(prefix)), 0.0)

    before = answered()
    for _ in range(8):
        ask(gunicorn, "hello")
    assert {answered() for _ in range(8)} == {before + 8}


def test_the_log_has_one_line_a_request_and_no_key(gunicorn: Gunicorn) -> None:
    answer = ask(gunicorn, "hello", stream=True)
    assert answer.content.endswith(b"data: [DONE]\n\n")
    mine = answer.headers["x-request-id"]
    until(lambda: mine in gunicorn.said, what="the request is in the log")
    lines = [orjson.loads(line) for line in gunicorn.said.splitlines() if mine in line]
    assert [(line["event"], line["status"], line["outcome"], line["client"]) for line in lines] == [
        ("request", 200, "ok", 1)
    ]
    assert KEY not in gunicorn.said
    assert all(orjson.loads(line)["event"] for line in gunicorn.said.splitlines())  # gunicorn's are among ours


def test_a_mistake_in_a_greenlet_that_nobody_waits_for_is_in_the_log_like_all_others(gunicorn: Gunicorn) -> None:
    ask(gunicorn, "stumble=sk-secret")
    until(lambda: "invalid literal" in gunicorn.said, what="the mistake is in the log")
    (told,) = [orjson.loads(line) for line in gunicorn.said.splitlines() if "invalid literal" in line]
    assert (told["level"], told["event"]) == ("error", "a greenlet met an error of ours")
    assert "ValueError" in told["exception"] and "sk-secret" not in gunicorn.said


def test_a_worker_without_what_has_to_go_on_behind_requests_makes_room_for_another(gunicorn: Gunicorn) -> None:
    before = gunicorn.workers()
    answer = ask(gunicorn, "fall=sk-secret sleep=1 whole", stream=True)
    assert "whole" in answer.text and "[DONE]" in answer.text
    until(lambda: len(gunicorn.workers() - before) == 1 == len(before - gunicorn.workers()), seconds=20, what="another")
    (told,) = [line for line in gunicorn.said.splitlines() if "cannot go on" in line]
    assert orjson.loads(told)["level"] == "error" and "sk-secret" not in gunicorn.said


class TestShuttingDown:
    @pytest.fixture
    def leaving(self, tmp_path: Path, redis_url: str) -> Iterator[Gunicorn]:
        with running(tmp_path, redis_url, app=APP, GATEWAY_DRAIN_SECONDS="2", **{TRACE: str(tmp_path / "trace")}) as it:
            yield it

    def test_idle_it_ends_at_once_whatever_connections_are_kept(self, leaving: Gunicorn) -> None:
        with requests.Session() as session:
            session.get(f"{leaving.base}/healthz", timeout=30)
            leaving.terminate()
            assert leaving.wait(4) == 0
        assert leaving.trace == ["settled"]

    def test_what_runs_may_finish(self, leaving: Gunicorn) -> None:
        with ask(leaving, "one sleep=1.5 two", stream=True) as answer:
            pieces = answer.iter_content(None)
            assert b'"one ' in next(pieces)
            leaving.terminate()
            assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
        assert leaving.wait(4) == 0
        assert leaving.trace == ["started", "closed", "settled"]

    def test_what_takes_too_long_is_told(self, leaving: Gunicorn) -> None:
        with ask(leaving, "one sleep=60", stream=True) as answer:
            pieces = answer.iter_content(None)
            next(pieces)
            leaving.terminate()
            last = b"".join(pieces).split(b"\n\n")
        assert orjson.loads(last[-3].removeprefix(b"data: "))["error"]["code"] == "shutting_down"
        assert last[-2:] == [b"data: [DONE]", b""]
        assert leaving.wait(5) == 0
        assert leaving.trace == ["started", "closed", "settled"]

    def test_a_client_that_reads_nothing_does_not_hold_it_up(self, leaving: Gunicorn) -> None:
        question = orjson.dumps(body("big=9000000 sleep=60", stream=True))
        with leaving.connect() as connection:
            connection.sendall(head(len(question)) + question)
            assert connection.recv(10)
            leaving.terminate()
            assert leaving.wait(12) == 0
        assert leaving.trace == ["started", "closed", "settled"]
        assert "their clients do not read" in leaving.said

    def test_without_its_master_what_runs_may_finish_all_the_same(self, leaving: Gunicorn) -> None:
        assert leaving.process is not None
        with ask(leaving, "one sleep=1.5 two", stream=True) as answer:
            pieces = answer.iter_content(None)
            assert b'"one ' in next(pieces)
            leaving.process.kill()
            assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
        until(lambda: "settled" in leaving.trace, what="the worker has ended")
        assert leaving.trace == ["started", "closed", "settled"]

    def test_it_is_not_ready_any_more_and_takes_no_new_connections(self, leaving: Gunicorn) -> None:
        with requests.Session() as session, ask(leaving, "one sleep=1.5 two", stream=True) as answer:
            assert session.get(f"{leaving.base}/readyz", timeout=30).status_code == 200
            leaving.terminate()
            until(lambda: "Handling signal: term" in leaving.said, what="the signal has arrived")
            until(lambda: refuses(leaving), what="new connections are refused")
            ready = session.get(f"{leaving.base}/readyz", timeout=30)
            assert (ready.status_code, ready.json()["reasons"]) == (503, ["shutting down"])
            assert ready.headers["connection"] == "close"
            assert answer.content.endswith(b"data: [DONE]\n\n")
        assert leaving.wait(5) == 0


def refuses(gunicorn: Gunicorn) -> bool:
    try:
        gunicorn.connect().close()
    except ConnectionRefusedError:
        return True
    return False


class TestNotStarting:
    def test_bad_variables_are_one_message(self, tmp_path: Path) -> None:
        found = Gunicorn(
            tmp_path, "http://nowhere", app=APP, GATEWAY_API_KEYS="", GATEWAY_WORKERS="none", GATEWAY_PORT="0"
        ).run()
        assert found.returncode == 2
        assert "Traceback" not in found.stderr
        for name in ("REDIS_URL", "GATEWAY_API_KEYS", "GATEWAY_WORKERS", "GATEWAY_PORT"):
            assert found.stderr.count(f"{name}:") == 1

    def test_without_redis_there_is_one_line(self, tmp_path: Path) -> None:
        found = Gunicorn(tmp_path, "redis://:hush@127.0.0.1:1/0", app=APP).run()
        assert found.returncode == 2
        assert len(found.stderr.strip().splitlines()) == 1
        assert "Redis" in found.stderr
        assert "hush" not in found.stderr

    def test_a_weak_key_is_none_wherever_gunicorn_is_told_to_listen(self, tmp_path: Path, shared_valkey: Any) -> None:
        found = Gunicorn(tmp_path, shared_valkey.url, app=APP, GUNICORN_CMD_ARGS="--bind 0.0.0.0:0").run()
        assert found.returncode == 2
        assert "gateway: GATEWAY_API_KEYS: key 1 is shorter than 16 characters, too weak for 0.0.0.0" in found.stderr
