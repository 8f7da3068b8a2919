"""One request over a connection of its own, byte for byte, and what comes back."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from typing import Final

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_HUNDRED: Final = re.compile(rb"\AHTTP/1\.1 100 [^\r]*\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. No answer has the `status` 0; `is_whole` says that it was closed."""

    status: int
    text: bytes
    is_whole: bool

    @property
    def body(self) -> bytes:
        """What stands behind the head, chunks and all."""
        return self.text.partition(b"\r\n\r\n")[2]


def ask(address: tuple[str, int], message: bytes, *, is_all: bool, patience: float) -> Answer:
    """Send `message`, say that it is all where that is wished, and read until the other side closes.

    It has `patience` seconds.
    """
    until = time.monotonic() + patience
    came = b""
    is_whole = False
    try:
        with socket.create_connection(address, timeout=patience) as connection:
            _send(connection, message, is_all=is_all)
            while piece := connection.recv(65536):
                came += piece
                connection.settimeout(max(0.01, until - time.monotonic()))
            is_whole = True
    except TimeoutError:
        pass
    except ConnectionError:
        is_whole = True  # it was closed before all was read
    text = _HUNDRED.sub(b"", came)
    status = _STATUS.match(text)
    return Answer(int(status[1]) if status else 0, text, is_whole)


def _send(connection: socket.socket, message: bytes, *, is_all: bool) -> None:
    try:
        connection.sendall(message)
        if is_all:
            connection.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        return  # it may have been refused before it was read; the answer says so
