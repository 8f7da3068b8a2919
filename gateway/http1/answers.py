"""The bytes of an answer, taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from kimi.http.contract import MAX_FRAMING_BYTES, Malformed

MOST_HEADERS: Final = 256

_WITHOUT_BODY: Final = frozenset({204, 304})


class Headers(Mapping[str, str]):
    """Headers by name, in any case of its letters; what comes several times is one value with commas.

    They are kept as they came: of the twenty that a server sends three are asked for.
    """

    __slots__ = ("_values",)

    def __init__(self, fields: list[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, bytes] = {}
        for name, value in fields:
            key, text = name.lower(), value.strip(b" \t")
            self._values[key] = b"%b, %b" % (self._values[key], text) if key in self._values else text

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower().encode("latin-1")].decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower().encode("latin-1", "replace") in self._values

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value, or `default`. `Mapping` finds out by an exception."""
        value = self._values.get(name.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class Answer:
    """Takes the bytes of one answer, in whatever portions they come.

    `status` is 0 until the head is there, `pieces` are those of the body that nobody has taken yet.
    `is_complete` says that all is there, `is_kept` that the connection may be used for another request then.
    `fault` is what is wrong behind the pieces: nothing more will come.
    """

    __slots__ = ("_fields", "_framing", "_is_head", "_parser", "_until_end", "fault", "headers", "is_complete",
                 "is_kept", "on_body", "pieces", "status")  # fmt: skip

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.pieces: list[bytes] = []
        self.is_complete = self.is_kept = False
        self.on_body = self.pieces.append
        self._is_head = method == "HEAD"
        self._until_end = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._framing = 0
        self.fault: Malformed | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Takes what was read; nothing means that the other end has closed. Raises `Malformed`.

        What came in order before the fault can be taken from `pieces` before it is raised.
        """
        parser = self._parser
        if self.fault:
            raise self.fault
        if parser is None:
            self.is_kept = False
            return
        if not data:
            self._end()
            return
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._stumble(error)
        if self.is_complete:
            self._parser = None  # it refers back to us
        elif self.pieces:
            self._framing = 0
        elif self._framing > MAX_FRAMING_BYTES:
            raise Malformed(f"more than {MAX_FRAMING_BYTES} bytes that are no body")
        else:
            self._framing += len(data)

    def drop(self) -> None:
        """Nobody will ask for anything any more."""
        self._parser = None

    def _end(self) -> None:
        if not self.status:
            raise Malformed("the connection was closed without an answer")
        if not self._until_end:
            raise Malformed("the answer breaks off")
        self.is_complete = True
        self._parser = None

    def _stumble(self, error: Exception) -> None:
        if self.is_complete:  # it is what lies behind the answer that is no good
            self.is_kept = False
            return
        broken = error.__context__ if isinstance(error.__context__, Malformed) else Malformed(str(error))
        if not self.pieces:
            raise broken from None
        self.fault = broken

    def on_message_begin(self) -> None:
        """More behind the answer: it is nobody's, so parsing ends here."""
        if self.is_complete:
            raise Malformed("more than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more header; those behind the body (trailers) tell us nothing."""
        if not self.status:
            self._fields.append((name, value))
            if len(self._fields) > MOST_HEADERS:
                raise Malformed(f"more than {MOST_HEADERS} headers")

    def on_headers_complete(self) -> None:
        """The head is there, or one of those that may come before it."""
        assert self._parser is not None  # noqa: S101  (it is what calls us)
        status = self._parser.get_status_code()
        headers = Headers(self._fields)
        self._fields.clear()
        if status < 200:
            if status < 100 or status == 101:
                raise Malformed(f"the status {status}, which nobody asked for")
            return
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise Malformed("an unknown transfer coding")
        self.status, self.headers = status, headers
        self._until_end = coding is None and "content-length" not in headers and status not in _WITHOUT_BODY
        self.is_complete = self._is_head

    def on_message_complete(self) -> None:
        """The end of the answer, or of one of those that may come before it."""
        if self.status and not self._is_head:
            assert self._parser is not None  # noqa: S101  (it is what calls us)
            self.is_complete, self.is_kept = True, self._parser.should_keep_alive()
