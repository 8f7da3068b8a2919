"""The client as gunicorn's workers have it: on gevent's sockets, which make the connections."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest

from tests.kimi.certificates import Certificate, certify
from tests.kimi.loopback import Peer, Server

ROOT = Path(__file__).parents[3]
LARGE = 300_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("tls") / "cert.pem", address="127.0.0.1")


PROLOGUE = """
from gevent import monkey
monkey.patch_all()
import ssl, sys
import gevent
from gateway.http1 import Client
from kimi.errors import KimiError
from kimi.http import request

url = sys.argv[1]
client = Client(ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
"""


def run(script: str, *arguments: str) -> str:
    """What a script prints that makes itself a client, with its own modules patched."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


EVERYTHING = f"""
def ask(number):
    content = bytes([number]) * {LARGE}
    with client.stream("POST", url, headers={{}}, content=content, timeout=10) as reply:
        return b"".join(reply.chunks()) == content * 2

for _ in range(2):
    jobs = [gevent.spawn(ask, number) for number in range(5)]
    print(*(job.get() for job in jobs))
"""


@pytest.mark.parametrize("secure", [False, True])
def test_large_bodies_pass_both_ways_side_by_side(certificate: Certificate, secure: bool) -> None:
    together = threading.Barrier(5)

    def handle(peer: Peer) -> None:
        while True:
            body = peer.request().body
            together.wait(10)
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(2):
                peer.send(b"%x\r\n" % len(body), body, b"\r\n")
            peer.send(b"0\r\n\r\n")

    with Server(handle, tls=certificate.server if secure else None) as server:
        assert run(EVERYTHING, server.url, str(certificate.file)) == "True True True True True\n" * 2
        assert server.connections == 5


TORN = """
import gc, os
def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

def ask():
    with client.stream("POST", url, headers={}, content=bytes(int(sys.argv[3])), timeout=10) as reply:
        list(reply.chunks())

gevent.get_hub().threadpool.apply(int)
gevent.idle()
before = descriptors()
reader = gevent.spawn(ask)
print("asking", flush=True)
gevent.get_hub().threadpool.apply(sys.stdin.readline)
reader.kill()
gevent.idle()
del reader
gc.collect()
print(descriptors() - before)
"""


def never_shakes_hands(peer: Peer) -> None:
    assert peer.sock.recv(1)


LATE = """
from kimi.errors import UpstreamTimeout

client = Client(connect_timeout=0.4)
for proxy in (None, sys.argv[3]):
    try:
        request(client, "GET", url, headers={}, proxy=proxy, timeout=30)
    except UpstreamTimeout as error:
        print(type(error).__name__, error.sent)
"""


def test_a_handshake_that_never_comes_to_an_end_does(certificate: Certificate) -> None:
    def drip(peer: Peer) -> None:
        assert peer.sock.recv(1)
        peer.send(b"\x16\x03\x03\x40\x00")  # of 16 KiB
        with suppress(OSError):
            while not over.wait(0.1):
                peer.send(b"\x00")

    over = threading.Event()
    with Server(drip) as server:
        there = f"https://127.0.0.1:{server.port}"
        told = run(LATE, there, str(certificate.file), there)
        over.set()
    assert told == "UpstreamTimeout False\n" * 2


def says_nothing(peer: Peer) -> None:
    peer.request()


def begins(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")


def takes_nothing(peer: Peer) -> None:
    peer.until(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("serve", "secure"),
    [(never_shakes_hands, True), *product([says_nothing, begins, takes_nothing], [False, True])],
)
def test_a_greenlet_that_is_killed_leaves_no_descriptor(
    certificate: Certificate, serve: Callable[[Peer], None], secure: bool
) -> None:
    killed = threading.Event()

    def handle(peer: Peer) -> None:
        serve(peer)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert killed.wait(10)

    with Server(handle, tls=certificate.server if secure and serve is not never_shakes_hands else None) as server:
        url = f"{'https' if secure else 'http'}://127.0.0.1:{server.port}"
        size = "20000000" if serve is takes_nothing else "2"
        command = [sys.executable, "-c", PROLOGUE + TORN, url, str(certificate.file), size]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout and process.stderr
            found = process.stdout.read(), process.stderr.read()
        killed.set()
    assert found == ("asking\n0\n", "")
