from __future__ import annotations

import base64
import errno
import hashlib
import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from kimi.chat import Attachment
from kimi.errors import FileRefused, StoreUnavailable
from kimi.files import Blob
from kimi.files.fetching import Fetcher
from kimi.files.spool import MEMORY_BYTES, Spool
from kimi.files.web import Web
from tests.kimi.files.samples import PDF, png
from tests.kimi.loopback import Handler, Peer, Server, ok

ROOT = Path(__file__).parents[3]
FETCHER = Fetcher(Web([ip_network("127.0.0.0/8")]))


def data(content: bytes, media: str = "") -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def fetch(url: str, *, name: str = "", is_image: bool = False, limit: int = 1000) -> Blob:
    return FETCHER.fetch(Attachment(url, "messages[0].content[1]", name, is_image), limit)


def refused(url: str, *, name: str = "", is_image: bool = False) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        fetch(url, name=name, is_image=is_image)
    assert caught.value.param == "messages[0].content[1]"
    return caught.value


def serving(content: bytes, *headers: str) -> Handler:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(ok(content, *headers))

    return handle


def test_a_file_in_the_request() -> None:
    blob = fetch(data(PDF), name="report.pdf")
    with blob.content as content:
        assert content.read() == PDF
    assert (blob.name, blob.media, blob.size, blob.is_image) == ("report.pdf", "application/pdf", len(PDF), False)
    assert blob.digest == hashlib.sha256(PDF).hexdigest()
    assert blob.where == "messages[0].content[1]"


def test_a_file_from_the_web() -> None:
    with Server(serving(PDF, "Content-Type: image/png")) as server:
        blob = fetch(f"{server.url}/%E5%B9%B4%E6%8A%A5.png?token=hush", is_image=True)
    with blob.content as content:
        assert content.read() == PDF
    assert (blob.name, blob.media, blob.is_image) == ("年报.pdf", "application/pdf", False)


@pytest.mark.parametrize(
    ("path", "header", "given", "name"),
    [
        ("/a.bin", 'Content-Disposition: attachment; filename="b.png"', "", "b.png"),
        ("/a.bin", 'Content-Disposition: attachment; filename="b.png"', "c.png", "c.png"),
        ("/a.jpg", "X: y", "", "a.png"),
        ("/", "X: y", "", "image.png"),
    ],
)
def test_who_knows_best_what_it_is_called(path: str, header: str, given: str, name: str) -> None:
    with Server(serving(png(), header)) as server:
        blob = fetch(server.url + path, name=given)
    blob.content.close()
    assert (blob.name, blob.is_image) == (name, True)


def test_the_same_content_has_the_same_digest_whatever_way_it_came() -> None:
    with Server(serving(PDF)) as server:
        blobs = [fetch(server.url), fetch(data(PDF)), fetch(data(PDF + b"\n"))]
    for blob in blobs:
        blob.content.close()
    assert blobs[0].digest == blobs[1].digest != blobs[2].digest


@pytest.mark.parametrize(
    ("url", "name", "message"),
    [
        ("data:;base64,", "a.txt", 'The file "a.txt" is empty.'),
        ("data:;base64,", "", "A file of this request is empty."),
        ("data:;base64,$", "a.txt", 'The file "a.txt" could not be decoded: it is not base64.'),
        (data(b"x" * 1001), "a.txt", 'The file "a.txt" is larger than 0 MB.'),
        (data(b"\x7fELF" + bytes(9)), "a\nb.txt", 'The file "a b.txt" is a program.'),
        ("http://10.0.0.1/a.txt?k=hush", "", 'The file "a.txt" could not be fetched: its host has no public address.'),
        ("http://me:hush@10.0.0.1/", "", "A file of this request could not be fetched: its URL holds a user name or a"),
    ],
)
def test_what_cannot_be_had_is_named_with_the_reason(url: str, name: str, message: str) -> None:
    error = refused(url, name=name)
    assert str(error).startswith(message)
    assert "hush" not in str(error)


def test_a_web_page_in_place_of_an_image() -> None:
    with Server(serving(b"<!doctype html><title>Log in</title>", "Content-Type: image/png")) as server:
        assert str(refused(f"{server.url}/a.png", is_image=True)) == 'The file "a.png" is a web page, not an image.'
        fetch(f"{server.url}/a.png").content.close()


@pytest.mark.parametrize(
    "head", [b"Content-Length: 2000\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n"]
)
def test_a_file_that_is_too_large_is_given_up_at_once(head: bytes) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n", head)
        while b"2000" not in head:
            peer.send(b"x" * 1000)
        peer.wait_closed()

    with Server(handle) as server:
        assert "is larger than" in str(refused(server.url))


def lowest_free_descriptor() -> int:
    with Path(os.devnull).open() as file:
        return file.fileno()


def test_nothing_is_left_of_what_could_not_be_had() -> None:
    before = lowest_free_descriptor()
    refused(data(b"\x7fELF" + bytes(9)))
    assert lowest_free_descriptor() == before
    with fetch(data(PDF)).content as content:
        assert os.fstat(content.fileno()).st_nlink == 0, "it has no name, so that a killed process leaves nothing"
    assert lowest_free_descriptor() == before


def test_a_small_file_takes_no_descriptor_and_a_large_one_no_memory() -> None:
    before = lowest_free_descriptor()
    small, large = fetch(data(b"x" * MEMORY_BYTES), limit=MEMORY_BYTES), data(b"x" * (MEMORY_BYTES + 1))
    assert lowest_free_descriptor() == before
    with fetch(large, limit=MEMORY_BYTES + 1).content as content:
        assert lowest_free_descriptor() > before
        assert len(content.read()) == MEMORY_BYTES + 1
    with small.content as content:
        assert content.read() == b"x" * MEMORY_BYTES


class Full(Spool):
    """A disk that is full."""

    def write(self, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_the_operators_affair(caplog: pytest.LogCaptureFixture) -> None:
    fetcher = Fetcher(Web(), Full)
    with pytest.raises(StoreUnavailable):
        fetcher.fetch(Attachment(data(PDF), "messages[0]"))
    assert "No space left on device): make room there, or name another folder in TMPDIR" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_source_that_always_has_more_lets_others_run() -> None:
    turns: list[int] = []
    with Spool(10_000_000, lambda: turns.append(spool.size)) as spool:
        for _ in range(50):
            spool.write(bytes(65536))
    assert turns == [1024 * 1024, 2 * 1024 * 1024, 3 * 1024 * 1024]


MEASURED = """
import resource, sys
from ipaddress import ip_network
from kimi.chat import Attachment
from kimi.files.fetching import Fetcher
from kimi.files.web import Web

fetcher = Fetcher(Web([ip_network("127.0.0.0/8")]))
fetcher.fetch(Attachment(sys.argv[1] + "/small", "")).content.close()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
blob = fetcher.fetch(Attachment(sys.argv[1] + "/large", ""))
print(blob.size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_hundred_megabytes_take_no_memory() -> None:
    size = 100 * 1024 * 1024

    def handle(peer: Peer) -> None:
        large = peer.request().line.startswith("GET /large ")
        left = size if large else 1000
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
        for start in range(0, left, 65536):
            peer.send(b"x" * min(65536, left - start))

    with Server(handle) as server:
        run = subprocess.run(
            [sys.executable, "-c", MEASURED, server.url], cwd=ROOT, check=True, capture_output=True, text=True
        )
    fetched, grown = map(int, run.stdout.split())
    assert fetched == size
    assert grown * (1 if sys.platform == "darwin" else 1024) < 16 * 1024 * 1024
