"""How answers are written, on real sockets: the framing is gunicorn's, and one packet carries what can go together."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket as green

from gateway.server.connections import App
from tests.gateway.server.listening import connections_of, rest

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Pieces:
    """A body that notes when it is closed, and may know its last piece."""

    def __init__(self, *pieces: bytes | BaseException, knows: bool = False) -> None:
        self._pieces = list(pieces)
        self._knows = knows
        self.closed = 0

    @property
    def is_over(self) -> bool:
        return self._knows and not self._pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._pieces:
            raise StopIteration
        piece = self._pieces.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


class Writes:
    """A socket that notes what each call of the kernel wrote; `room` is what a call takes at most."""

    def __init__(self, sock: Any, room: int = 1 << 20) -> None:
        self._sock = sock
        self._room = room
        self.seen: list[bytes] = []

    def send(self, data: bytes, *options: float) -> int:
        sent = int(self._sock.send(data[: self._room], *options))
        self.seen.append(bytes(data[:sent]))
        return sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def app_of(body: Iterable[bytes], *, length: int | None = None, status: str = "200 OK") -> App:
    headers = [("Content-Type", "text/plain")] + ([] if length is None else [("Content-Length", str(length))])

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, headers)
        return body

    return app


def serve(app: App, request: bytes = GET, *, room: int = 1 << 20) -> list[bytes]:
    """What the client gets of one connection on which it sends `request` and no more, by the calls that wrote it."""
    connections = connections_of(app)
    client, server = green.socketpair()
    writes = Writes(server, room)
    client.sendall(request)
    client.shutdown(socket.SHUT_WR)
    listener = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 80))
    serving = gevent.spawn(connections.serve, listener, writes, ("127.0.0.1", 1))
    with client, gevent.Timeout(10):
        received = rest(client)
        serving.get()
    assert b"".join(writes.seen) == received
    waits = connections.waits
    assert connections.requests == 0 and not any((waits.fresh, waits.idle, waits.heads, waits.bodies))
    return writes.seen


def parts(answer: bytes) -> tuple[bytes, set[bytes], bytes]:
    """Status line, headers, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    return status, {header.lower() for header in headers}, body


def test_a_short_answer_is_one_packet() -> None:
    (answer,) = serve(app_of(Pieces(b"hello"), length=5))
    status, headers, body = parts(answer)
    assert (status, body) == (b"HTTP/1.1 200 OK", b"hello")
    assert {b"connection: keep-alive", b"content-length: 5", b"server: gunicorn"} <= headers
    assert any(header.startswith(b"date: ") and header.endswith(b" gmt") for header in headers)


def test_each_piece_goes_out_at_once_and_the_first_with_the_head() -> None:
    first, *rest = serve(app_of(Pieces(b"one", b"two")))
    status, headers, body = parts(first)
    assert (status, body) == (b"HTTP/1.1 200 OK", b"3\r\none\r\n")
    assert b"transfer-encoding: chunked" in headers
    assert rest == [b"3\r\ntwo\r\n", b"0\r\n\r\n"]


def test_the_end_goes_out_with_a_last_piece_that_is_known_as_such() -> None:
    _, last = serve(app_of(Pieces(b"one", b"two", knows=True)))
    assert last == b"3\r\ntwo\r\n0\r\n\r\n"


def test_a_header_goes_out_each_time_and_never_one_that_breaks_the_head() -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("content-type", next(values)), ("Connection", "upgrade"), ("content-length", "0")])
        return []

    values = iter(["text/a", "text/a", "text/b", "text/c\r\nx: y"])
    *answers, refused = serve(app, GET * 4)
    told = [next(each for each in parts(answer)[1] if each.startswith(b"content-type")) for answer in answers]
    assert told == [b"content-type: text/a"] * 2 + [b"content-type: text/b"]
    assert parts(refused)[0] == b"HTTP/1.1 500 Internal Server Error"


def test_a_connection_stays_for_the_next_request() -> None:
    answers = serve(app_of([b"hi"], length=2), GET * 3)
    assert [parts(answer)[2] for answer in answers] == [b"hi"] * 3


@pytest.mark.parametrize("read", [None, 0, 2, 5, 9])
def test_the_next_request_is_found_however_much_of_a_body_was_read(read: int | None) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ["wsgi.input"].read(read) + environ["REQUEST_METHOD"].encode()
        start_response("200 OK", [("content-length", str(len(said)))])
        return [said]

    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
    assert [parts(answer)[2] for answer in serve(app, post * 3)] == [b"12345"[:read] + b"POST"] * 3


def test_http_1_0_is_ended_by_closing() -> None:
    first, second = serve(app_of(Pieces(b"one", b"two", knows=True)), GET.replace(b"1.1", b"1.0") + GET)
    status, headers, body = parts(first)
    assert (status, body + second) == (b"HTTP/1.0 200 OK", b"onetwo")
    assert b"connection: close" in headers and b"transfer-encoding: chunked" not in headers


def test_http_1_0_can_keep_a_connection() -> None:
    request = b"GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    assert len(serve(app_of([b"hi"], length=2), request * 2)) == 2


def test_a_client_can_have_its_connection_closed() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    (answer,) = serve(app_of([b"hi"], length=2), request + GET)
    assert b"connection: close" in parts(answer)[1]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [(GET.replace(b"GET", b"HEAD"), "200 OK"), (GET, "204 No Content"), (GET, "304 Not Modified")],
)
def test_some_answers_have_no_body(request_bytes: bytes, status: str) -> None:
    answers = serve(app_of(Pieces(b"hello"), status=status), request_bytes + GET.replace(b"1.1", b"1.0"))
    assert parts(answers[0])[2] == b""
    assert b"transfer-encoding: chunked" not in parts(answers[0])[1]


def test_an_answer_without_a_single_piece_is_whole() -> None:
    (answer,) = serve(app_of(Pieces()))
    assert parts(answer)[2] == b"0\r\n\r\n"


def test_an_empty_piece_does_not_end_a_chunked_body() -> None:
    answer = b"".join(serve(app_of(Pieces(b"", b"one"))))
    assert parts(answer)[2] == b"3\r\none\r\n0\r\n\r\n"


def test_no_more_is_written_than_was_declared() -> None:
    assert b"".join(serve(app_of(Pieces(b"hello", b"more"), length=5))).endswith(b"\r\n\r\nhello")


def test_what_the_kernel_does_not_take_at_once_is_written_later() -> None:
    body = b"x" * 300_000
    assert b"".join(serve(app_of(Pieces(body), length=len(body)), room=1_000)).endswith(b"\r\n\r\n" + body)


def test_an_error_before_the_head_is_told() -> None:
    def app(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError

    assert parts(b"".join(serve(app)))[0] == b"HTTP/1.1 500 Internal Server Error"


def test_an_error_behind_the_head_cuts_the_answer_off(caplog: pytest.LogCaptureFixture) -> None:
    body = Pieces(b"one", ZeroDivisionError())
    answer = b"".join(serve(app_of(body), GET * 2))
    assert parts(answer)[2] == b"3\r\none\r\n", "neither an end nor a second head"
    assert body.closed == 1
    assert caplog.records[-1].exc_info is not None


def test_nothing_follows_an_answer_in_which_the_worker_ended() -> None:
    body = Pieces(b"one", gevent.GreenletExit())
    answer = b"".join(serve(app_of(body), GET * 2))
    assert parts(answer)[2] == b"3\r\none\r\n"
    assert body.closed == 1


def test_a_body_is_closed_once_its_end_is_written() -> None:
    body = Pieces(b"one")
    serve(app_of(body))
    assert body.closed == 1
