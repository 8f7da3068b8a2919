"""A client that leaves gives everything back within a second, whatever its request is doing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gevent
import pytest

from gateway.drain import Drain
from gateway.errors import ClientGone
from gateway.journal import Entry
from gateway.peer import SocketPeer
from gateway.run import Run
from gateway.streaming import StreamBody
from gateway.surfaces.chat_completions import ChatAnswer, ChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi.events import Answering, ChatOpened, Finish, Text
from tests.gateway.houses import CHAT, House, MakeHouse
from tests.gateway.scripted import ALIVE, Step, hang, wait_until
from tests.kimi.pool.pools import KIMI, web

IDENTITY = Identity(id="c", created=1, model="kimi")
BEGUN: tuple[Step, ...] = (ChatOpened("c1"), Answering("s1"))


@dataclass
class Client:
    """A client, and the greenlet that serves it as gunicorn would."""

    house: House
    sock: socket.socket
    server: socket.socket
    stream: bool

    def __post_init__(self) -> None:
        self.entry = Entry(request_id="r", method="POST", route="/", started=time.monotonic())
        self.completion = self.house.start()
        self.serving: Any = gevent.spawn(self._serve_stream if self.stream else self._serve_whole)

    def _run(self) -> Run:
        return Run(self.completion, self.entry, peer=SocketPeer(self.server), drain=Drain(30), monotonic=time.monotonic)

    def _serve_whole(self) -> None:
        run, answer = self._run(), ChatAnswer(IDENTITY, Tally(CHAT.messages))
        with suppress(ClientGone):
            try:
                while not run.finished:
                    answer.add(run.pull(60))
            finally:
                run.close(answer)

    def _serve_stream(self) -> None:
        stream = ChatStream(IDENTITY, Tally(CHAT.messages), include_usage=False)
        body = StreamBody(self._run(), stream, heartbeat=60, monotonic=time.monotonic, on_close=lambda: None)
        with suppress(ClientGone, ConnectionResetError):
            try:
                body.begin(60)
                for _ in body:
                    pass
            finally:
                body.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        yield client, server


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("script", "begun"),
    [
        ((60.0,), False),
        ((ChatOpened("c1"), 60.0), False),
        ((*BEGUN, 60.0), True),
        ((*BEGUN, ALIVE, Text("half"), 60.0), True),
        ((*BEGUN, *[ALIVE, 0.01] * 500, Finish("stop")), True),
    ],
    ids=["silent", "opened", "begun", "half", "alive"],
)
def test_while_the_upstream_answers(
    house: House, pair: tuple[socket.socket, socket.socket], script: tuple[Step, ...], *, begun: bool, stream: bool
) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [script]
    house.upstream.on_cancel = hang
    client = Client(house, *pair, stream=stream)
    wait_until(lambda: house.upstream.steps >= min(len(script), 10))
    left = time.monotonic()
    client.sock.close()
    wait_until(lambda: house.upstream.running == 0)
    wait_until(lambda: house.pool.count("a") == 0)
    client.serving.join(5)
    assert time.monotonic() - left < 1.0
    house.settle()
    assert house.upstream.cancelled == ([("c1", "s1", "access-a-2")] if begun else [])
    assert house.upstream.opened == set()


@pytest.mark.parametrize("stream", [True, False])
def test_while_it_waits_for_an_account(
    make_house: MakeHouse, pair: tuple[socket.socket, socket.socket], *, stream: bool
) -> None:
    house = make_house(queue_seconds=60)
    house.pool.fill(web("a"))
    lease = house.pool.leases.acquire(KIMI)
    client = Client(house, *pair, stream=stream)
    wait_until(lambda: house.waiting.waiting == 1)
    left = time.monotonic()
    client.sock.close()
    wait_until(lambda: house.waiting.waiting == 0)
    client.serving.join(5)
    assert time.monotonic() - left < 0.5
    house.pool.leases.release(lease)
    house.settle()
    assert house.upstream.asked == []


def test_the_chat_is_deleted_only_when_its_answer_is_stopped(
    house: House, pair: tuple[socket.socket, socket.socket]
) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(*BEGUN, Text("half"), 60.0)]
    deleted_before: list[int] = []
    house.upstream.on_cancel = lambda: deleted_before.append(len(house.upstream.deleted))
    client = Client(house, *pair, stream=True)
    wait_until(lambda: bool(house.upstream.opened))
    client.sock.close()
    client.serving.join(5)
    house.settle()
    assert deleted_before == [0]
    assert house.upstream.deleted == [("c1", "access-a-2")]
