"""Files in the Connect dialect: one form with the bytes, and asking how far they were read.

Source: section 3 of the wire facts, "Files". All names of these calls stand here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from kimi.accounts import Account
from kimi.chat import Upload
from kimi.files import Blob
from kimi.http import request
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line
from kimi.upstreams.uploading import POLLING, FileBody, Polling, id_of, refusal, told

_UPLOAD_PATH: Final = "/apiv2-files/file/upload"
_PROGRESS_PATH: Final = "/apiv2-files/kimi.gateway.file.v1.FileService/GetFileParseProgress"
_READ, _FAILED = "PROCESS_STATUS_SUCCESS", "PROCESS_STATUS_FAILED"
_UNDER_WAY: Final = frozenset({"PROCESS_STATUS_UNSPECIFIED", "PROCESS_STATUS_PENDING", "PROCESS_STATUS_PROCESSING"})


class ConnectFiles:
    """Uploads for accounts of kind `kimi`."""

    def __init__(self, line: Line, polling: Polling = POLLING) -> None:
        self._line = line
        self._polling = polling

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        """See `TakesFiles.upload`."""
        alive()
        file_id = self._send(blob, account, token)
        alive()
        for _ in self._polling.rounds(blob):
            status = self._progress(file_id, blob, account, token)
            if status == _READ:
                break
            if status == _FAILED:
                raise refusal(blob, "could not be read by Kimi")
            if status not in _UNDER_WAY:
                self._line.drift.note(account.kind, "status", status)
            alive()
        return Upload(file_id, blob.name, blob.size, blob.media, blob.is_image)

    def _send(self, blob: Blob, account: Account, token: str) -> str:
        boundary = uuid.uuid4().hex
        answer = request(
            self._line.http,
            "POST",
            self._line.host(account) + _UPLOAD_PATH,
            headers=self._headers(account, token, f"multipart/form-data; boundary={boundary}"),
            content=_form(blob, boundary),
            proxy=account.proxy_to_dial(),
            timeout=self._line.idle,
        )
        return id_of(told(self._line, account, answer, blob).get("file"))

    def _progress(self, file_id: str, blob: Blob, account: Account, token: str) -> object:
        headers = self._headers(account, token, "application/json")
        content = orjson.dumps({"file_ids": [file_id]})
        answer = self._line.call("POST", _PROGRESS_PATH, account, headers=headers, content=content)
        progresses: Any = told(self._line, account, answer, blob).get("progresses")
        first = progresses[0] if isinstance(progresses, list) and progresses else None
        return first.get("status") if isinstance(first, Mapping) else None

    def _headers(self, account: Account, token: str, content_type: str) -> dict[str, str]:
        return {**web_headers(account, token, self._line.host(account)), "Content-Type": content_type}


def _form(blob: Blob, boundary: str) -> FileBody:
    """A form with one file (RFC 7578); quotation marks in its name are written as browsers do."""
    name = blob.name.replace('"', "%22")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {blob.media}\r\n\r\n"
    )
    return FileBody(blob, head.encode(), f"\r\n--{boundary}--\r\n".encode())
