"""The connect dialect's uploads."""

from __future__ import annotations

from flask import Blueprint, Response, request

from simulator.chats import long_id
from simulator.desk import Call, field_of, guarded
from simulator.files import MAX_BYTES, File
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.replies import reply

connect_files = Blueprint("connect_files", __name__, url_prefix="/apiv2-files")


@connect_files.post("/file/upload")
@guarded("files", Kind.KIMI, bulk=True)
def upload(call: Call) -> Response:
    """A file as multipart `file`, of a length that is told before."""
    if request.content_length is None:
        return Response(status=411)
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Refusal("invalid", "file")
    type_ = "image" if sent.mimetype.startswith("image/") else "file"
    file = File(long_id(call.world.rng), sent.filename, sent.filename, type_, sent.content_type or "")
    file.polls = call.world.settings.parse_polls
    file.take(sent.stream)
    if file.size is None or file.size > MAX_BYTES:
        raise Refusal("invalid", "file is too large")
    call.owner.files[file.id] = file
    call.owner.counts.uploads += 1
    return reply({"file": {"id": file.id, "name": file.name, "size": file.size}})


@connect_files.post("/kimi.gateway.file.v1.FileService/GetFileParseProgress")
@guarded("files", Kind.KIMI)
def progress(call: Call) -> Response:
    """How far files are."""
    ids = field_of(call.json(), "file_ids")
    if not isinstance(ids, list):
        raise Refusal("invalid", "file_ids")
    return reply({"progresses": [_progress(call.world.file(call.owner, str(file_id))) for file_id in ids]})


def _progress(file: File) -> dict[str, str]:
    if not file.poll():
        return {"fileId": file.id, "status": "PROCESS_STATUS_PROCESSING"}
    return {"fileId": file.id, "status": "PROCESS_STATUS_FAILED" if file.is_broken else "PROCESS_STATUS_SUCCESS"}
