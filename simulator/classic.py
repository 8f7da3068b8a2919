"""The classic dialect: tokens, users, chats and completions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gevent
from flask import Blueprint, Response

from simulator.answers import Script
from simulator.chats import Chat, short_id
from simulator.classic_play import ClassicOrder, ClassicPlay
from simulator.desk import WEB, Call, guarded
from simulator.exchange import counted, exchange
from simulator.files import File
from simulator.kinds import Kind
from simulator.performance import perform, rehearse
from simulator.reading import Reading, files_read, images_seen, told, wrapped_links
from simulator.reasons import Refusal
from simulator.replies import reply
from simulator.shapes import pair_options, user

classic = Blueprint("classic", __name__)

THINKING_PLUS = "crm40ee9e5jvhsn7ptcg"
RESEARCHES = 20


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
    order = ClassicOrder(
        reading=_reading(call, chat, body, prompt),
        refs=[file.id for file in _refs(call, body)],
        thinks=_thinks(body),
        searches=body.get("use_search") is True,
        researches=body.get("use_research") is True,
        rest=_rest(chat, body) if body.get("action") == "continue" else [],
    )
    call.world.check_length(order.reading, call.world.settings.max_prompt)
    script = rehearse(call, order.reading)
    if order.researches:
        script = _begin_research(call, script)
    return perform(call, script, lambda cue: ClassicPlay(cue, chat, order))


def _reading(call: Call, chat: Chat, body: dict[str, Any], prompt: str) -> Reading:
    """What is read: links only where they are wrapped, and beside a search nothing but the words."""
    files = _refs(call, body)
    reading = Reading(
        prompt=prompt,
        history=told(chat.turns),
        files=files_read(files),
        images=images_seen(files),
        links=wrapped_links(prompt),
    )
    return reading.undisturbed() if body.get("use_search") is True else reading


def _refs(call: Call, body: dict[str, Any]) -> list[File]:
    refs = [str(ref) for ref in body.get("refs") or []]
    described = body.get("refs_file") or []
    if not isinstance(described, list) or not all(isinstance(one, dict) and one.get("id") in refs for one in described):
        raise Refusal("invalid", "refs_file")
    return [call.world.file(call.owner, ref) for ref in refs]


def _thinks(body: dict[str, Any]) -> bool:
    model = str(body.get("model") or "kimi")
    return "k1" in model or "thinking" in model or body.get("kimiplus_id") == THINKING_PLUS


def _begin_research(call: Call, script: Script) -> Script:
    if call.owner.research < 1:
        raise Refusal("research")
    call.owner.research -= 1
    return replace(script, silence=max(script.silence, call.world.settings.research_silence))


def _rest(chat: Chat, body: dict[str, object]) -> list[str]:
    segment = chat.turn(str(body.get("segment_id")))
    if segment is None or segment.role != "user" or not chat.rest:
        raise Refusal("invalid", "segment_id")
    return list(chat.rest)


@classic.get("/api/chat/research/usage")
@guarded("research", Kind.CLASSIC)
def research_usage(call: Call) -> Response:
    """How much deep research is left."""
    left = call.owner.research
    total = max(left, RESEARCHES)
    return reply({"remain": left, "total": total, "used": total - left})


@classic.post("/api/chat/segment/v3/rag-refs")
@guarded("other", Kind.CLASSIC)
def rag_refs(call: Call) -> Response:
    """The sources of answers."""
    items = []
    for query in call.objects("queries"):
        chat = call.world.chat(call.owner, str(query.get("chat_id")))
        turn = chat.turn(str(query.get("sid")))
        sources = turn.sources if turn else []
        refs = [{"ref_id": str(number), "ref_doc": source} for number, source in enumerate(sources, 1)]
        items.append({"refs": refs})
    return reply({"items": items})
