"""Files in the classic dialect: a place for the bytes, the bytes, a file made of them, and how it is read.

Source: section 2 of the wire facts, "Files". All names of these calls stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import orjson

from kimi.accounts import Account
from kimi.chat import Upload
from kimi.errors import BrokenAnswer, UpstreamError, UpstreamTimeout
from kimi.events import Event, Finish
from kimi.files import Blob
from kimi.files.web import Resolver, resolve
from kimi.http import parse, request
from kimi.upstreams import sse
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line
from kimi.upstreams.places import may_be_put
from kimi.upstreams.uploading import POLLING, FileBody, Polling, id_of, refusal, told

_THERE: Final = frozenset({"initialized", "parsed"})
_LONGEST: Final = 8_192  # characters of a place for an upload
_SHORT: Final = 1_000
_MOST_KEPT: Final = 64
_UNDER_WAY: Final = frozenset({"pending", "uploading", "uploaded", "processing", "parsing"})


class ClassicFiles:
    """Uploads for accounts of kind `kimi-classic`."""

    def __init__(self, line: Line, polling: Polling = POLLING, resolver: Resolver = resolve) -> None:
        self._line = line
        self._polling = polling
        self._resolver = resolver

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        """See `TakesFiles.upload`."""
        kind = "image" if blob.is_image else "file"
        place = self._call("/api/pre-sign-url", {"action": kind, "name": blob.name}, blob, account, token)
        alive()
        self._put(_text(place, "url"), blob, account)
        alive()
        if blob.is_image:
            wanted = {"type": kind, "file_id": _text(place, "file_id"), "name": blob.name}
        else:
            wanted = {"type": kind, "name": blob.name, "object_name": _text(place, "object_name"), "file_id": ""}
        made = self._made(wanted, blob, account, token, alive)
        if not blob.is_image:
            self._read(id_of(made), blob, account, token, alive)
        return Upload(id_of(made), blob.name, blob.size, blob.media, blob.is_image, _harmless(made))

    def _put(self, url: str, blob: Blob, account: Account) -> None:
        """The bytes, to where the upstream says, whose address is the permission: the account's token stays here."""
        base, is_proxied = self._line.host(account), account.proxy is not None
        if not may_be_put(url, base, is_proxied=is_proxied, resolver=self._resolver):
            raise BrokenAnswer("the place for an upload is no https URL of a public host")
        answer = request(
            self._line.http,
            "PUT",
            url,
            headers={"Content-Type": blob.media},
            content=FileBody(blob),
            proxy=account.proxy_to_dial(),
            timeout=self._line.idle,
        )
        if answer.status >= 500:
            raise UpstreamError(f"the upload of a file was answered with status {answer.status}")
        if not 200 <= answer.status < 300:
            raise BrokenAnswer(f"the upload of a file was answered with status {answer.status}")

    def _made(
        self, wanted: Mapping[str, str], blob: Blob, account: Account, token: str, alive: Callable[[], object]
    ) -> Mapping[str, Any]:
        """What the upstream knows of the file, once it is there."""
        for _ in self._polling.rounds(blob):
            made = self._call("/api/file", wanted, blob, account, token)
            status = made.get("status")
            if status in _THERE:
                return made
            _check(status, blob)
            if status not in _UNDER_WAY:
                self._line.drift.note(account.kind, "status", status, made)
            alive()
        raise AssertionError("unreachable: it is refused before")

    def _read(self, file_id: str, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> None:
        """Lets a document be read. The stream may end before it is, and is opened again then."""
        for left in self._polling.rounds(blob):
            reader = _Reading(blob)
            stream = replace(self._line, idle=left).stream(
                "/api/file/parse_process",
                account,
                headers=self._headers(account, token),
                content=orjson.dumps({"ids": [file_id]}),
                reader=reader,
            )
            end = self._polling.clock() + left
            try:
                with closing(stream):
                    for batch in stream:
                        if batch is not None:
                            alive()
                        if self._polling.clock() >= end:  # however much of it drips in
                            break
            except UpstreamTimeout:
                continue
            if reader.is_read:
                return

    def _call(self, path: str, body: Mapping[str, str], blob: Blob, account: Account, token: str) -> Mapping[str, Any]:
        headers = self._headers(account, token)
        answer = self._line.call("POST", path, account, headers=headers, content=orjson.dumps(body))
        return told(self._line, account, answer, blob)

    def _headers(self, account: Account, token: str) -> dict[str, str]:
        return {**web_headers(account, token, self._line.host(account)), "Content-Type": "application/json"}


class _Reading:
    """How far a document was read; see `kimi.upstreams.reading.Reader`."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._decoder = sse.Decoder()
        self.is_read = False

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Tells nothing but the end."""
        for data in self._decoder.feed(chunk):
            message = parse(data)
            said = message.get("file_info") if isinstance(message, Mapping) else None
            status = said.get("status") if isinstance(said, Mapping) else None
            _check(status, self._blob)
            if status == "parsed":
                self.is_read = True
                told.append(Finish("stop"))
                return

    def close(self) -> Finish:
        """The stream has ended without a word."""
        return Finish("stop")


def _check(status: object, blob: Blob) -> None:
    if isinstance(status, str) and "fail" in status.lower():
        raise refusal(blob, "could not be read by Kimi")


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise BrokenAnswer(f"the answer about a file has no {name}")
    return value


def _harmless(said: Mapping[str, Any]) -> dict[str, Any]:
    """What can be kept and sent again: a few plain values, and no addresses, which let anyone have the file."""
    return {name: value for name, value in islice(said.items(), _MOST_KEPT) if len(name) < _SHORT and _is_plain(value)}


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) < _SHORT and "://" not in value
    )
