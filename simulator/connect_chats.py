"""The connect dialect's plain JSON calls: models, chats, membership."""

from __future__ import annotations

from flask import Blueprint, Response

from simulator.chats import Chat, Turn
from simulator.desk import Call, field_of, guarded
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.replies import reply
from simulator.scenarios import DEFAULT, offered
from simulator.world import World

connect_chats = Blueprint("connect_chats", __name__)

_CHAT = "/apiv2/kimi.chat.v1.ChatService"
_GATEWAY = "/apiv2/kimi.gateway.chat.v1.ChatService"


@connect_chats.post("/apiv2/kimi.gateway.config.v1.ConfigService/GetAvailableModels")
@guarded("models", Kind.KIMI)
def models(call: Call) -> Response:
    """The scenarios that the account has."""
    listed = [
        {
            "scenario": scenario.name,
            "displayName": scenario.title,
            "description": "模拟 simulated",
            "thinking": scenario.thinking,
            "kimiPlusId": scenario.kimiplus_id,
            "agentMode": scenario.agent,
        }
        for scenario in offered(call.owner)
    ]
    return reply({"availableModels": listed, "defaultScenario": {"scenario": DEFAULT, "thinking": False}})


@connect_chats.post(f"{_CHAT}/DeleteChat")
@guarded("delete", Kind.KIMI)
def delete(call: Call) -> Response:
    """Delete a chat."""
    call.world.delete_chat(call.owner, str(field_of(call.json(), "chat_id")))
    return reply({})


@connect_chats.post(f"{_CHAT}/BatchDeleteChats")
@guarded("delete", Kind.KIMI)
def delete_many(call: Call) -> Response:
    """Delete chats; those that are gone already do not matter."""
    chat_ids = field_of(call.json(), "chat_ids")
    if not isinstance(chat_ids, list):
        raise Refusal("invalid", "chat_ids")
    for chat_id in chat_ids:
        if chat_id in call.owner.chats:
            call.world.delete_chat(call.owner, chat_id)
    return reply({})


@connect_chats.post(f"{_CHAT}/ListChats")
@guarded("list", Kind.KIMI)
def list_chats(call: Call) -> Response:
    """The newest chats first, page by page."""
    start, size = call.number("page_token", 0), call.number("page_size", 20)
    chats = list(reversed(call.owner.chats.values()))
    page = {"chats": [_shown(call.world, chat) for chat in chats[start : start + size]]}
    more = {"nextPageToken": str(start + size)} if start + size < len(chats) else {}
    return reply(page | more)


@connect_chats.post(f"{_GATEWAY}/GetChat")
@guarded("list", Kind.KIMI)
def get_chat(call: Call) -> Response:
    """One chat."""
    chat = call.world.chat(call.owner, str(field_of(call.json(), "chat_id")))
    return reply({"chat": _shown(call.world, chat)})


@connect_chats.post(f"{_GATEWAY}/ListMessages")
@guarded("list", Kind.KIMI)
def list_messages(call: Call) -> Response:
    """What was said in a chat, newest first."""
    chat = call.world.chat(call.owner, str(field_of(call.json(), "chat_id")))
    return reply({"messages": [_message(turn) for turn in reversed(chat.turns)]})


@connect_chats.post("/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats")
@guarded("balance", Kind.KIMI)
def subscription(call: Call) -> Response:
    """How much of the plan is used, and until when."""
    until = call.world.stamp(call.world.clock() + call.owner.resets_in)
    return reply({"subscriptionBalance": {"amountUsedRatio": call.owner.used, "expireTime": until}})


def _shown(world: World, chat: Chat) -> dict[str, object]:
    created = world.stamp(chat.created)
    return {"id": chat.id, "name": chat.name, "createTime": created, "updateTime": created}


def _message(turn: Turn) -> dict[str, object]:
    return {
        "id": turn.id,
        "parentId": turn.parent_id,
        "role": turn.role,
        "status": turn.status,
        "blocks": [{"id": "0", "messageId": turn.id, "text": {"content": turn.text}}],
    }
