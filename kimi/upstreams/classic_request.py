"""What the classic dialect is asked: the bodies of its calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kimi.chat import Chat, Feature, Message, Upload
from kimi.upstreams.folding import asking_about, into_one
from kimi.upstreams.links import wrap
from kimi.web_models import ClassicModel

_TITLE = "未命名会话"  # what the vendor's page calls a new chat
_EXTEND = {"sidebar": True}


def new_chat(model: ClassicModel) -> dict[str, Any]:
    """A chat to ask in."""
    return {"name": _TITLE, "is_example": False, "kimiplus_id": model.kimiplus_id, "enter_method": "new_chat"}


def completion(chat: Chat, model: ClassicModel) -> dict[str, Any]:
    """The question. Search is on only where it is asked for: it disturbs the reading of files and links."""
    research = Feature.RESEARCH in chat.features
    body: dict[str, Any] = {
        "kimiplus_id": model.kimiplus_id,
        "model": model.model,
        "messages": [_user(_prompt(chat))],
        "refs": [file.id for file in chat.files],
        "history": [],
        "scene_labels": [],
        "use_search": Feature.SEARCH in chat.features,
        "use_math": Feature.MATH in chat.features,
        "use_research": research,
        "extend": _EXTEND,
    }
    if chat.files:
        body["refs_file"] = [_file(file) for file in chat.files]
    if research:
        body["use_deep_research"] = True
    return body


def rest(segment_id: str, model: ClassicModel) -> dict[str, Any]:
    """Go on with the answer to the question of this id, which has stopped at the output limit."""
    return {
        "segment_id": segment_id,
        "action": "continue",
        "messages": [_user(" ")],
        "kimiplus_id": model.kimiplus_id,
        "extend": _EXTEND,
    }


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _prompt(chat: Chat) -> str:
    return into_one([_linked(message) for message in asking_about(chat.files, chat.messages)])


def _linked(message: Message) -> Message:
    content = wrap(message.content) if message.role == "user" else message.content
    return message if content is message.content else replace(message, content=content)


def _file(file: Upload) -> dict[str, Any]:
    detail = dict(file.detail)
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "file": {},
        "file_info": detail,
        "parse_status": "success",
        "upload_status": "success",
        "upload_progress": 100,
        "detail": detail,
        "done": True,
    }
