"""The classic dialect's uploads: where to put the bytes, the bytes, the file, and how it is read.

The bytes go to an object store: an address of another shape, good for exactly one upload, which wants to know before
how many bytes come, and takes the address for the permission.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from flask import Blueprint, Response, request

from simulator.chats import short_id
from simulator.codecs import Message, Sse
from simulator.desk import Call, guarded
from simulator.files import MAX_BYTES, File
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.replies import deliver, reply
from simulator.streams import Emit

classic_files = Blueprint("classic_files", __name__)


@classic_files.post("/api/pre-sign-url")
@guarded("files", Kind.CLASSIC)
def pre_sign(call: Call) -> Response:
    """Where the bytes of a file go."""
    body = call.json()
    action, name = body.get("action"), str(body.get("name") or "")
    if action not in ("file", "image") or not name:
        raise Refusal("invalid", "action, name")
    file_id = short_id(call.world.rng)
    file = File(file_id, name, f"{call.owner.sub}/{file_id}/{name}", str(action), polls=call.world.settings.parse_polls)
    call.owner.files[file_id] = file
    query = f"X-Amz-Expires=900&X-Amz-Credential=sim%2Fauto%2Fs3&X-Amz-Signature={_signature(file)}"
    url = f"{request.host_url}_store/kimi-files/{call.owner.sub}/{file_id}/{quote(name, safe='')}?{query}"
    return reply({"url": url, "object_name": file.object_name, "file_id": file_id if action == "image" else ""})


@classic_files.put("/_store/kimi-files/<sub>/<file_id>/<path:name>")
@guarded("bytes", Kind.CLASSIC, open_door=True, bulk=True)
def put(call: Call, sub: str, file_id: str, name: str) -> Response:  # noqa: ARG001  # the desk has read `sub`
    """The bytes, once."""
    file = call.owner.files.get(file_id) if call.account else None
    if file is None or file.name != name or request.args.get("X-Amz-Signature") != _signature(file):
        return _store_refuses(403, "SignatureDoesNotMatch")
    if file.size is not None:
        return _store_refuses(403, "AccessDenied")
    if "Authorization" in request.headers:
        return _store_refuses(400, "InvalidArgument: only one authentication mechanism is allowed")
    if request.content_length is None:
        return _store_refuses(411, "MissingContentLength")
    if not _fits(file, request.mimetype):
        return _store_refuses(403, "SignatureDoesNotMatch: Content-Type")
    file.take(request.stream)  # raises a 400 itself when fewer bytes come
    file.content_type = request.headers["Content-Type"]
    call.owner.counts.uploads += 1
    return Response(status=200)


def _signature(file: File) -> str:
    return hashlib.sha256(f"store {file.object_name}".encode()).hexdigest()


def _fits(file: File, mimetype: str) -> bool:
    """Whether a media type is one, and one of images where an image was announced."""
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", mimetype) or mimetype.startswith("multipart/"):
        return False
    return file.type != "image" or mimetype.startswith("image/")


def _store_refuses(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code></Error>", status, content_type="application/xml")


@classic_files.post("/api/file")
@guarded("files", Kind.CLASSIC)
def register(call: Call) -> Response:
    """Make a file of an upload; asking again tells how far it is."""
    body = call.json()
    file = _uploaded(call, str(body.get("object_name") or ""), str(body.get("file_id") or ""))
    if body.get("type") != file.type:
        raise Refusal("invalid", "type")
    if file.size is None or file.size > MAX_BYTES:
        raise Refusal("invalid", "the upload is missing or too large")
    return reply(_shown(file))


def _uploaded(call: Call, object_name: str, file_id: str) -> File:
    for file in call.owner.files.values():
        if (object_name and file.object_name == object_name) or (file.type == "image" and file.id == file_id):
            return file
    raise Refusal("invalid", "unknown upload")


@classic_files.get("/api/file/<file_id>")
@guarded("files", Kind.CLASSIC)
def show(call: Call, file_id: str) -> Response:
    """How far a file is."""
    return reply(_shown(call.world.file(call.owner, file_id)))


def _shown(file: File) -> dict[str, object]:
    ready = "initialized" if file.type == "image" else "parsed"
    through = file.poll()
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "type": file.type,
        "content_type": file.content_type,
        "status": "pending" if not through else "failed" if file.is_broken else ready,
    }


@classic_files.post("/api/file/parse_process")
@guarded("files", Kind.CLASSIC)
def parse_process(call: Call) -> Response:
    """Documents are read: one event each."""
    ids = call.json().get("ids")
    if not isinstance(ids, list):
        raise Refusal("invalid", "ids")
    codec = Sse(call.world.rng, tame=call.world.settings.tame)
    events: list[Message] = []
    for file_id in ids:
        file = call.world.file(call.owner, str(file_id))
        if file.size is not None:
            file.polls = -1
        status = "failed" if file.is_broken or file.size is None else "parsed"
        events.append({"event": "resp", "id": file.id, "file_info": {"id": file.id, "status": status}})
    events.append({"event": "all_done"})
    items = [Emit("text", codec.encode(event)) for event in events]
    return deliver(iter(items), headers={"Content-Type": codec.content_type})
