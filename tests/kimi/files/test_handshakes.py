"""Servers that take their time over TLS, as a worker of the gateway meets them: under gevent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WHOLE = 1.0
SCRIPT = f"""
from gevent import monkey
monkey.patch_all()
import ipaddress, sys, time
from kimi.files.targets import NotFetched
from kimi.files.web import Web
from kimi.files.wires import Timeouts

web = Web([ipaddress.ip_network("127.0.0.0/8")], timeouts=Timeouts(connect=5, silence=5, whole={WHOLE}))
began = time.monotonic()
try:
    with web.get(f"https://127.0.0.1:{{sys.argv[1]}}/"):
        print("fetched")
except NotFetched as error:
    print(error, "in time" if time.monotonic() - began < {WHOLE} + 2 else "late", sep="|")
"""
RECORD = b"\x16\x03\x03\x40\x00"  # a piece of a handshake, of 16 KiB


@contextmanager
def dripping(*, first: bytes, every: float) -> Iterator[int]:
    """A port where a handshake begins with `first`, and goes on with a byte every so many seconds."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        with suppress(OSError), listener.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(first)
            while not over.wait(every):
                peer.sendall(b"\x00")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("every", [0.2, 60.0], ids=["a byte now and then", "nothing"])
def test_a_handshake_takes_no_longer_than_all_may(every: float) -> None:
    with dripping(first=RECORD, every=every) as port:
        told = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(port)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    assert told.strip() in {"it took longer than 1 s|in time", "its server does not answer in time|in time"}
