"""The upstream and the load client in C: they build without a warning, and see what is wrong with an answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from benchmarks.building import NotBuilt, Programs, build, find_compiler
from devtools import children
from devtools.waiting import until
from tests.ports import free_port

try:
    find_compiler()
except NotBuilt as reason:
    pytest.skip(str(reason), allow_module_level=True)

PIECES = [f'{{"choices":[{{"delta":{{"content":" n{number} t5;"}},"finish_reason":null}}]}}' for number in (1, 2, 3)]
FINISH = '{"choices":[{"delta":{},"finish_reason":"stop"}]}'


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def upstream(programs: Programs) -> Iterator[int]:
    port = free_port()
    process = children.start([programs.upstream, str(port)])
    until(lambda: listens(port), what="the upstream listens")
    yield port
    children.stop(process, 5)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def load(programs: Programs, port: int, *options: str) -> dict[str, Any]:
    command = [str(programs.load), *options, f"127.0.0.1:{port}/v1/chat/completions"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=False, timeout=20).stdout)
    return found


@contextmanager
def saying(*data: str, body: str | None = None) -> Iterator[int]:
    """A server that gives one answer, byte by byte where it could be cut, and closes the connection."""
    text = "".join(f"data: {line}\n\n" for line in data) if body is None else body
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for character in f"HTTP/1.1 200 OK\r\n\r\n{text}":
                    connection.sendall(character.encode())

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize("shape", ["events=25", "events=25,interval=1000", "events=25,bytes=9000"])
def test_every_piece_arrives_in_order(programs: Programs, upstream: int, shape: str) -> None:
    found = load(programs, upstream, "-c", "4", "-n", "20", "-e", "25", "-b", f'{{"content":"bench:{shape}"}}')
    assert (found["right"], found["pieces"], found["delay_us"]["count"]) == (20, 500, 500)
    figures = requests.get(f"http://127.0.0.1:{upstream}/figures", timeout=5).json()
    assert (figures["streams_finished"], figures["events"], figures["streams_open"]) == (20, 500, 0)


def test_the_least_on_gevent_loses_nothing(programs: Programs, upstream: int) -> None:
    port = free_port()
    process = children.start([sys.executable, "-m", "benchmarks.performance.floor", str(port), str(upstream)])
    try:
        until(lambda: listens(port), what="the floor listens")
        for shape in ("events=200", "events=200,bytes=9000", "events=200,interval=100"):
            found = load(programs, port, "-c", "4", "-n", "20", "-e", "200", "-b", f'{{"content":"bench:{shape}"}}')
            assert (found["right"], found["pieces"]) == (20, 4_000), shape
    finally:
        children.stop(process, 5)


def test_a_client_that_does_not_read_stops_the_upstream(programs: Programs, upstream: int) -> None:
    found = load(programs, upstream, "-c", "2", "-s", "0.2", "-b", "bench:events=100000,bytes=9000")
    assert found["outcomes"] == {"hung_up": 2}
    figures = requests.get(f"http://127.0.0.1:{upstream}/figures", timeout=5).json()
    assert figures["events"] < 10_000


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ([*PIECES, FINISH, "[DONE]"], "right"),
        ([PIECES[0], PIECES[2], PIECES[1], FINISH, "[DONE]"], "reordered"),
        ([PIECES[0], PIECES[1], FINISH, "[DONE]"], "lost"),
        ([*PIECES, "[DONE]"], "cut_off"),
        ([*PIECES, FINISH], "cut_off"),
        ([*PIECES, '{"choices":[],"error":{"message":"no"}}', "[DONE]"], "error_event"),
    ],
)
def test_the_load_client_sees_what_is_wrong(programs: Programs, data: list[str], outcome: str) -> None:
    with saying(*data) as port:
        found = load(programs, port, "-e", "3")
    assert found["outcomes"] == {outcome: 1}
