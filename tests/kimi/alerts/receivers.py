"""Those to whom alerts are sent, as far as a test can play them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kimi.alerts.delivery import Undelivered
from kimi.alerts.notes import Note
from tests.kimi.certificates import certify
from tests.kimi.loopback import Peer, Received, Server, ok

NOTE = Note(
    id="1f",
    at=1_800_000_000.5,
    rule="dead",
    severity="warning",
    subjects=("alice", "小明"),
    count=2,
    title="Kimi: accounts that need a new login: 2",
    text="Their login was refused: alice, 小明.",
    resolved=False,
)


@dataclass
class Inbox:
    """A destination that keeps what comes, and refuses what it is told to."""

    id: str = "inbox"
    name: str = "inbox"
    broken: bool = False
    notes: list[Note] = field(default_factory=list)
    attempts: int = 0

    def deliver(self, note: Note) -> None:
        self.attempts += 1
        if self.broken:
            raise Undelivered("it is broken")
        self.notes.append(note)

    @property
    def heard(self) -> list[tuple[str, bool, tuple[str, ...]]]:
        return [(note.rule, note.resolved, note.subjects) for note in self.notes]


@contextmanager
def answering(answer: bytes = ok(b"")) -> Iterator[tuple[Server, list[Received]]]:
    """A plain HTTP server that gives every request this answer, and what it was asked."""
    seen: list[Received] = []

    def handler(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(answer)

    with Server(handler) as server:
        yield server, seen


@contextmanager
def in_place_of(host: str, directory: Path, answer: bytes) -> Iterator[tuple[dict[str, str], list[Received]]]:
    """An HTTPS proxy that answers for `host` itself: the environment in which it is asked, and what it was asked."""
    certificate = certify(directory / "certificate.pem", name=host)
    seen: list[Received] = []

    def handler(peer: Peer) -> None:
        assert peer.request().line.startswith(f"CONNECT {host}:443 ")
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        inner = Peer(certificate.server.wrap_socket(peer.sock, server_side=True))
        seen.append(inner.request())
        inner.send(answer)
        inner.sock.close()

    with Server(handler) as server:
        yield {"https_proxy": server.url, "REQUESTS_CA_BUNDLE": str(certificate.file), "no_proxy": ""}, seen


@contextmanager
def mail_server(greeting: bytes = b"220 here\r\n") -> Iterator[tuple[Server, list[bytes]]]:
    """An SMTP server, and the letters that it was given: envelope and text."""
    letters: list[bytes] = []

    def handler(peer: Peer) -> None:
        envelope = b""
        peer.send(greeting)
        while True:
            command = peer.until(b"\r\n").upper()
            if command.startswith((b"MAIL", b"RCPT")):
                envelope += command.lower()
            if command.startswith(b"DATA"):
                peer.send(b"354 go on\r\n")
                letters.append(envelope + peer.until(b"\r\n.\r\n"))
            peer.send(b"221 bye\r\n" if command.startswith(b"QUIT") else b"250 ok\r\n")

    with Server(handler) as server:
        yield server, letters
