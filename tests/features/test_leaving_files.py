"""A client that leaves while its file is being fetched."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator

from devtools.waiting import until
from kimi.files.spool import MEMORY_BYTES
from tests.features.pages import Pages
from tests.system import leaks
from tests.system.stack import KEY, Stack


def nameless(pid: int) -> set[str]:
    """The files that a process has open and nobody can find any more."""
    return {target for target in leaks._descriptors(pid) if target.endswith("(deleted)")}


def test_nothing_goes_on_when_the_client_has_left(classic: Stack, pages: Pages) -> None:
    began, ended = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        try:
            yield b"%PDF-1.4\n" + bytes(MEMORY_BYTES)
            while not ended.wait(0.01):
                began.set()
                yield b"x"
        finally:
            ended.set()

    (pid,) = classic.workers_pids()
    at_rest = nameless(pid)
    url = pages.put_large("/slow.pdf", pieces, 1_000_000)
    body = {
        "model": "kimi",
        "messages": [{"role": "user", "content": [{"type": "file_url", "file_url": {"url": url}}]}],
    }
    client = http.client.HTTPConnection(classic.url.removeprefix("http://"))
    client.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {KEY}"})
    until(began.is_set, what="the file is being fetched")
    until(lambda: nameless(pid) > at_rest, what="its content is kept on disk")
    before = classic.simulator.state()["totals"]["chats_created"]
    client.close()
    until(ended.is_set, what="its source is left")

    until(lambda: nameless(pid) <= at_rest, what="its content is gone")
    assert classic.simulator.state()["totals"]["chats_created"] == before
