"""Clients that hold a body back until they are told that it is wanted."""

from __future__ import annotations

import pytest

from gateway.server.intake import CONTINUE
from tests.gateway.server.listening import GET, Served, asking, post, rest


@pytest.mark.parametrize("length", [5, None], ids=["declared", "chunked"])
def test_it_is_asked_for_once_when_it_is_read(served: Served, length: int | None) -> None:
    body = b"5\r\nhello\r\n0\r\n\r\n" if length is None else b"hello"
    with served.connect() as client:
        for _ in range(2):
            client.sendall(asking(post(length=length)))
            assert client.recv(65_536) == CONTINUE
            for byte in body:
                client.sendall(bytes([byte]))
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert served.read == 10


@pytest.mark.parametrize("request_bytes", [GET, post(length=0), post(length=1) + b"x"], ids=["get", "empty", "sent"])
def test_what_is_not_held_back_is_not_asked_for(served: Served, request_bytes: bytes) -> None:
    with served.connect() as client:
        client.sendall(asking(request_bytes) + GET.replace(b"Host", b"Connection: close\r\nHost"))
        answers = rest(client)
    assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize("length", [9, 90_000_000])
def test_who_is_refused_is_not_told_that_his_body_is_wanted(served: Served, length: int) -> None:
    with served.connect() as client:
        client.sendall(asking(post("/unread", length)))
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in answer, "a request and a body cannot be told apart behind this"


def test_an_old_client_is_not_told_what_it_does_not_know(served: Served) -> None:
    with served.connect() as client:
        client.sendall(asking(post(length=1)).replace(b"HTTP/1.1", b"HTTP/1.0"))
        client.sendall(b"x")
        assert rest(client).startswith(b"HTTP/1.0 200 ")
