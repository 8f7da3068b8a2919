"""What requests leave to the garbage collector, which stops a worker and all its streams while it looks for it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from werkzeug.test import EnvironBuilder

from tests.gateway.fakes import AUTHORIZED, House, answer

ROUNDS = 5
STREAM: dict[str, Any] = {"model": "kimi", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
ASKED: dict[str, Any] = {"model": "kimi", "stream": True, "input": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (CHAT, STREAM),
        (CHAT, {**STREAM, "stream": False}),
        (MESSAGES, {**STREAM, "max_tokens": 9}),
        (MESSAGES, {**STREAM, "max_tokens": 9, "stream": False}),
        (MESSAGES, {**STREAM, "max_tokens": 0}),
        (RESPONSES, ASKED),
        (RESPONSES, {**ASKED, "stream": False}),
        (RESPONSES, {**ASKED, "input": 7}),
        ("/v1/models", None),
        ("/healthz", None),
    ],
    ids=[
        "stream",
        "whole",
        "messages stream",
        "messages whole",
        "messages error",
        "responses stream",
        "responses",
        "responses error",
        "models",
        "healthz",
    ],
)
def test_a_request_leaves_nothing_that_only_a_search_for_cycles_finds(
    client: socket.socket, path: str, asked: dict[str, Any] | None
) -> None:
    house = House()
    builder = EnvironBuilder(
        path,
        method="GET" if asked is None else "POST",
        data=asked and orjson.dumps(asked),
        headers=list(AUTHORIZED.items()),
    )
    for _ in range(2 * ROUNDS):
        house.pool.will(*answer("Hel", "lo"))
    serve(house, builder, client)  # what is made once is there from now on
    gc.collect()
    serve(house, builder, client)
    assert gc.collect() == 0


def serve(house: House, builder: EnvironBuilder, client: socket.socket) -> None:
    """As the worker does it."""
    for _ in range(ROUNDS):
        environ: dict[str, Any] = {**builder.get_environ(), "gunicorn.socket": client}
        pieces: Any = house.app(environ, lambda _status, _headers: None)  # type: ignore[arg-type]
        environ.clear()
        assert b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
