"""The connect dialect's Chat call and the token exchange of its accounts."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import gevent
import orjson
from flask import Blueprint, Response, request

from simulator.chats import Chat
from simulator.codecs import end_of_stream, envelope
from simulator.connect_play import ConnectPlay
from simulator.desk import Call, field_of, guarded
from simulator.exchange import counted, exchange
from simulator.files import File
from simulator.kinds import Kind
from simulator.performance import perform, rehearse
from simulator.reading import Reading, files_read, images_seen, plain_links, told
from simulator.reasons import Refusal, look_up, render
from simulator.replies import deliver, refuse, reply
from simulator.scenarios import check_scenario
from simulator.shapes import pair_options, pair_shape
from simulator.streams import Emit, Item

connect = Blueprint("connect", __name__)

MAX_FRAME = 8 * 1024 * 1024


@connect.post("/api/account.gateway.v1.AuthService/RefreshToken")
@guarded("exchange", Kind.KIMI, open_door=True)
def refresh(call: Call) -> Response:
    """The exchange of `kimi` accounts: both tokens rotate."""
    if request.mimetype != "application/json":
        return refuse(Kind.KIMI, "invalid", "unsupported content type", status=415)
    if not call.token:
        return refuse(Kind.KIMI, "invalid", "refresh_token is required")
    if call.account is not None and call.account.classic_exchange:
        return refuse(Kind.KIMI, "not_found", status=404)
    with counted(call.world, call.account, call.token):
        gevent.sleep(call.world.settings.exchange_delay)
        pair = exchange(call.world, call.account, call.token, classic=False, **pair_options(call))
    return reply(pair_shape(call, pair))


@connect.post("/apiv2/kimi.gateway.chat.v1.ChatService/Chat")
@guarded("chat", Kind.KIMI)
def chat(call: Call) -> Response:
    """An answer. What is wrong with the request is said at HTTP 200, in the trailer."""
    if request.mimetype != "application/connect+json":
        return Response(status=415)
    try:
        return _answer(call, Wish(_unwrap(call.raw)))
    except Refusal as refusal:
        return _refused(call, refusal)


def _refused(call: Call, refusal: Refusal) -> Response:
    error = {"error": render(Kind.KIMI, look_up(Kind.KIMI, refusal.reason), refusal.note)}
    items: list[Item] = [end_of_stream(error)]
    if not call.world.settings.tame and call.world.rng.random() < 0.5:
        items = [Emit("head", envelope(0, orjson.dumps(error))), end_of_stream({})]
    return deliver(iter(items), headers={"Content-Type": "application/connect+json"})


def _answer(call: Call, wish: Wish) -> Response:
    prompt = wish.prompt()
    call.remembered["body"] = wish.body
    call.remembered["system"] = wish.system
    old, parent_id = _conversation(call, wish)
    check_scenario(call.owner, wish.scenario, wish.effort)
    files = [_read_file(call, file) for file in wish.files()]
    reading = Reading(
        prompt=prompt,
        history=told(old.before(parent_id)) if old else (),
        system=wish.system,
        files=files_read(files),
        images=images_seen(files),
        links=plain_links(prompt),
    )
    call.world.check_length(reading, call.world.settings.connect_max_prompt)
    script = rehearse(call, reading)
    return perform(
        call,
        script,
        lambda cue: ConnectPlay(cue, old, reading, parent_id=parent_id, thinks=wish.thinks, searches=wish.searches),
    )


def _read_file(call: Call, block: Mapping[str, Any]) -> File:
    """The file of a block, which has to say that it was read, and to have been."""
    file = call.world.file(call.owner, str(block.get("id")))
    if block.get("status") != "PROCESS_STATUS_SUCCESS" or not file.is_ready:
        raise Refusal("invalid", "the file is not processed")
    return file


def _unwrap(raw: bytes) -> dict[str, Any]:
    """The message in the one envelope. Raises Refusal."""
    if request.headers.get("Connect-Protocol-Version") != "1":
        raise Refusal("invalid", "connect-protocol-version")
    if len(raw) < 5 or raw[0] != 0:
        raise Refusal("invalid", "protocol error: the body is no envelope")
    (length,) = struct.unpack(">I", raw[1:5])
    if length != len(raw) - 5 or length > MAX_FRAME:
        raise Refusal("invalid", "protocol error: the envelope's length is wrong")
    try:
        body = orjson.loads(raw[5:])
    except orjson.JSONDecodeError as error:
        raise Refusal("invalid", "the envelope holds no JSON") from error
    if not isinstance(body, dict):
        raise Refusal("invalid", "the envelope holds no object")
    return body


def _conversation(call: Call, wish: Wish) -> tuple[Chat | None, str]:
    """The chat that goes on, and the message that it goes on from."""
    if field_of(wish.message, "parent_id") == "":
        raise Refusal("invalid", "parent_id is empty")
    if "chat_id" not in wish.body and "chatId" not in wish.body:
        return None, ""
    chat_id = str(field_of(wish.body, "chat_id"))
    if not chat_id:
        raise Refusal("invalid", "chat_id is empty")
    found = call.world.chat(call.owner, chat_id)
    parent_id = str(field_of(wish.message, "parent_id") or "")
    parent = found.turn(parent_id)
    if parent is None or parent.role != "assistant":
        raise Refusal("invalid", "parent_id is no answer of the chat")
    return found, parent_id


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise Refusal("invalid", name)
    return value


class Wish:
    """What a Chat request asks for."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        message = body.get("message")
        if not isinstance(message, dict) or message.get("role") != "user":
            raise Refusal("invalid", "message")
        self.message: dict[str, Any] = message
        self.options: dict[str, Any] = _object(body, "options")

    def prompt(self) -> str:
        """The text of the message."""
        texts = [_object(block, "text").get("content") for block in self._blocks() if "text" in block]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise Refusal("invalid", "message.blocks")
        return "\n".join(map(str, texts))

    def files(self) -> list[dict[str, Any]]:
        """The blocks of the files that come with it."""
        return [_object(block, "file") for block in self._blocks() if "file" in block]

    def _blocks(self) -> list[dict[str, Any]]:
        blocks = self.message.get("blocks")
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise Refusal("invalid", "message.blocks")
        return blocks

    @property
    def scenario(self) -> str:
        """What is asked for, in the vendor's words."""
        return str(self.body.get("scenario") or "")

    @property
    def effort(self) -> str:
        """How hard to think, or nothing."""
        return str(field_of(self.options, "reasoning_effort") or "")

    @property
    def system(self) -> str:
        """The system prompt in its own slot."""
        return str(field_of(self.options, "system_prompt") or "")

    @property
    def thinks(self) -> bool:
        """Whether thinking was asked for."""
        return bool(self.options.get("thinking")) or self.effort.rpartition("_")[2] not in ("", "NONE")

    @property
    def searches(self) -> bool:
        """Whether the search tool was given."""
        tools = self.body.get("tools") or []
        return any(tool.get("type") == "TOOL_TYPE_SEARCH" for tool in tools if isinstance(tool, dict))
