"""What the Connect dialect is asked: the one message of its call."""

from __future__ import annotations

from typing import Any

from kimi.chat import Chat, Feature, Upload
from kimi.upstreams.folding import asking_about, beside_system
from kimi.web_models import ConnectModel


def question(chat: Chat, model: ConnectModel) -> dict[str, Any]:
    """The question, for a new chat or behind an answer in one that stands.

    Links stand as they are: no way is known in which this dialect wants them.
    """
    folded = beside_system(asking_about(chat.files, chat.messages))
    search = Feature.SEARCH in chat.features
    options: dict[str, Any] = {"thinking": model.thinking, "enable_plugin": search}
    if model.effort is not None:
        options["reasoning_effort"] = model.effort
    if folded.system is not None:
        options["system_prompt"] = folded.system
    message: dict[str, Any] = {
        "id": "",
        "children_message_ids": [],
        "role": "user",
        "blocks": [_block("text", {"content": folded.text}), *(_file(file) for file in chat.files)],
        "scenario": model.scenario,
        "labels": [],
        "references": [],
        "is_goal": False,
    }
    body: dict[str, Any] = {
        "scenario": model.scenario,
        "tools": [{"type": "TOOL_TYPE_SEARCH", "search": {}}] if search else [],
        "message": message,
        "options": options,
        "project_id": "",
    }
    if model.kimiplus_id is not None:
        body["kimiplus_id"] = model.kimiplus_id
    if chat.behind is not None:
        body["chat_id"] = chat.behind.chat_id
        if chat.behind.message_id:
            message["parent_id"] = chat.behind.message_id
    return body


def _block(name: str, content: dict[str, str]) -> dict[str, Any]:
    return {"id": "", "message_id": "", name: content}


def _file(file: Upload) -> dict[str, Any]:
    return _block("file", {"id": file.id, "status": "PROCESS_STATUS_SUCCESS"})
