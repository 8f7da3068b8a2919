"""The classic dialect's uploads: where to put the bytes, the bytes, the file, and how it is read."""

from __future__ import annotations

from flask import Blueprint, Response, request

from simulator.chats import short_id
from simulator.codecs import Message, Sse
from simulator.desk import Call, guarded, world_now
from simulator.files import File
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.replies import deliver, reply
from simulator.streams import Emit

classic_files = Blueprint("classic_files", __name__)

MAX_BYTES = 100 * 1024 * 1024


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
    url = f"{request.host_url}_upload/{call.owner.sub}/{file_id}"
    return reply({"url": url, "object_name": file.object_name, "file_id": file_id if action == "image" else ""})


@classic_files.put("/_upload/<sub>/<file_id>")
def put(sub: str, file_id: str) -> Response:
    """The bytes. The address is the permission, as with any object store."""
    owner = next((account for account in world_now().accounts.values() if account.sub == sub), None)
    file = owner.files.get(file_id) if owner else None
    if owner is None or file is None:
        return Response("<Error><Code>AccessDenied</Code></Error>", 403, content_type="application/xml")
    if "Content-Type" not in request.headers:
        return Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403, content_type="application/xml")
    file.size = len(request.get_data())
    file.content_type = request.headers["Content-Type"]
    owner.counts.uploads += 1
    return Response(status=200)


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
        if (object_name and file.object_name == object_name) or file.id == file_id:
            return file
    raise Refusal("invalid", "unknown upload")


@classic_files.get("/api/file/<file_id>")
@guarded("files", Kind.CLASSIC)
def show(call: Call, file_id: str) -> Response:
    """How far a file is."""
    return reply(_shown(call.world.file(call.owner, file_id)))


def _shown(file: File) -> dict[str, object]:
    ready = "initialized" if file.type == "image" else "parsed"
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "type": file.type,
        "content_type": file.content_type,
        "status": ready if file.poll() else "pending",
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
        file.polls = 0
        status = "failed" if file.name.endswith(".broken") else "parsed"
        events.append({"event": "resp", "id": file.id, "file_info": {"id": file.id, "status": status}})
    events.append({"event": "all_done"})
    items = [Emit("text", codec.encode(event)) for event in events]
    return deliver(iter(items), headers={"Content-Type": codec.content_type})
