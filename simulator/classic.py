"""The classic dialect: tokens, users, chats and completions."""

from __future__ import annotations

import gevent
from flask import Blueprint, Response

from simulator.chats import Chat, short_id
from simulator.classic_play import ClassicPlay
from simulator.desk import WEB, Call, guarded
from simulator.exchange import counted, exchange
from simulator.kinds import Kind
from simulator.performance import perform, rehearse
from simulator.reasons import Refusal
from simulator.replies import reply
from simulator.shapes import pair_options, user

classic = Blueprint("classic", __name__)

THINKING_PLUS = "crm40ee9e5jvhsn7ptcg"


@classic.get("/api/auth/token/refresh")
@guarded("exchange", Kind.CLASSIC, open_door=True)
def refresh(call: Call) -> Response:
    """The classic exchange: the refresh token comes as bearer."""
    if not call.token:
        raise Refusal("empty_token")
    with counted(call.world, call.account, call.token):
        gevent.sleep(call.world.settings.exchange_delay)
        pair = exchange(call.world, call.account, call.token, classic=True, **pair_options(call))
    return reply({"access_token": pair.access, "refresh_token": pair.refresh})


@classic.get("/api/user")
@guarded("user", Kind.CLASSIC, kinds=WEB)
def show_user(call: Call) -> Response:
    """Who the token speaks for."""
    return reply(user(call.owner))


@classic.post("/api/chat")
@guarded("create", Kind.CLASSIC)
def create(call: Call) -> Response:
    """A new chat."""
    body = call.json()
    if not isinstance(body.get("name"), str):
        raise Refusal("invalid", "name")
    chat = Chat(short_id(call.world.rng), body["name"], call.world.clock(), str(body.get("kimiplus_id") or "kimi"))
    call.owner.chats[chat.id] = chat
    call.owner.counts.chats_created += 1
    return reply({"id": chat.id, "name": chat.name, "created_at": call.world.stamp(chat.created), "is_example": False})


@classic.delete("/api/chat/<chat_id>")
@guarded("delete", Kind.CLASSIC)
def delete(call: Call, chat_id: str) -> Response:
    """Delete a chat."""
    call.world.delete_chat(call.owner, chat_id)
    return reply({})


@classic.post("/api/chat/list")
@guarded("list", Kind.CLASSIC)
def list_chats(call: Call) -> Response:
    """The newest chats first."""
    chats = list(reversed(call.owner.chats.values()))
    start, size = call.number("offset", 0), call.number("size", 50)
    items = [
        {"id": chat.id, "name": chat.name, "updated_at": call.world.stamp(chat.created)}
        for chat in chats[start : start + size]
    ]
    return reply({"items": items, "total": len(chats)})


@classic.post("/api/chat/<chat_id>/cancel")
@guarded("cancel", Kind.CLASSIC)
def cancel(call: Call, chat_id: str) -> Response:
    """Stop the answer that runs in a chat."""
    chat = call.world.chat(call.owner, chat_id)
    if chat.turn(str(call.json().get("segment_id"))) is None:
        raise Refusal("invalid", "segment_id")
    call.world.cancel(call.owner)
    return reply({})


@classic.post("/api/chat/<chat_id>/completion/stream")
@guarded("chat", Kind.CLASSIC)
def complete(call: Call, chat_id: str) -> Response:
    """An answer, or the rest of one (`action: continue`)."""
    chat = call.world.chat(call.owner, chat_id)
    body = call.json()
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[0], dict):
        raise Refusal("invalid", "messages")
    prompt = messages[0].get("content")  # whatever else there is, is not read
    if not isinstance(prompt, str) or messages[0].get("role") != "user":
        raise Refusal("invalid", "messages[0]")
    if len(prompt) > call.world.settings.max_prompt:
        raise Refusal("too_long")
    refs = [str(ref) for ref in body.get("refs") or []]
    for ref in refs:
        call.world.file(call.owner, ref)
    rest = _rest(chat, body) if body.get("action") == "continue" else []
    script = rehearse(call, prompt)
    model = str(body.get("model") or "kimi")
    thinks = "k1" in model or "thinking" in model or body.get("kimiplus_id") == THINKING_PLUS
    searches = body.get("use_search") is True
    return perform(
        call,
        script,
        lambda cue: ClassicPlay(
            cue, chat, prompt, thinks=thinks and not rest, searches=searches and not rest, refs=refs, rest=rest
        ),
    )


def _rest(chat: Chat, body: dict[str, object]) -> list[str]:
    segment = chat.turn(str(body.get("segment_id")))
    if segment is None or segment.role != "user" or not chat.rest:
        raise Refusal("invalid", "segment_id")
    rest, chat.rest = chat.rest, []
    return rest


@classic.get("/api/chat/research/usage")
@guarded("other", Kind.CLASSIC)
def research_usage(_call: Call) -> Response:
    """How much deep research is left."""
    return reply({"remain": 5, "total": 5, "used": 0})


@classic.post("/api/chat/segment/v3/rag-refs")
@guarded("other", Kind.CLASSIC)
def rag_refs(call: Call) -> Response:
    """The sources of answers."""
    items = []
    for query in call.objects("queries"):
        chat = call.world.chat(call.owner, str(query.get("chat_id")))
        turn = chat.turn(str(query.get("sid")))
        sources = turn.sources if turn else []
        refs = [{"ref_id": str(number + 1), "ref_doc": source} for number, source in enumerate(sources)]
        items.append({"refs": refs})
    return reply({"items": items})
