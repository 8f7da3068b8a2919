from __future__ import annotations

import random
import re

from gateway.tools.toolbox import Toolbox
from kimi.chat import Chat, Message
from kimi.events import Finish, Text, ToolCall
from tests.gateway.tools.tagged import TOOLS

CHAT = Chat(model="kimi", messages=(Message("user", "What time is it?"),), tools=TOOLS)
_TAGS = re.compile(r'(<call-\w{8} name=")NAME(">)\n.*\n(</call-\w{8}>)')


def answer(told_by: Toolbox, read_by: Toolbox) -> ToolCall:
    """Does as it was told."""
    asked = told_by.told(CHAT)
    tags = _TAGS.search(asked.messages[0].content)
    calling = read_by.calling(asked)
    assert tags is not None and calling is not None
    before, behind, end = tags.groups()
    call, finish = calling((Text(f"{before}clock{behind}\n{{}}\n{end}"), Finish("stop")))
    assert finish == Finish("tool_calls") and isinstance(call, ToolCall)
    return call


def test_what_one_worker_tells_another_understands() -> None:
    one, other = (Toolbox(b"secret", random.Random(number)) for number in (1, 2))
    for told_by, read_by in ((one, one), (one, other), (other, one)):
        assert answer(told_by, read_by).name == "clock"


def test_ids_are_of_the_usual_form_and_never_the_same() -> None:
    box = Toolbox(b"secret", random.Random(1))
    ids = [answer(box, box).id or "" for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(re.fullmatch("call_[0-9a-f]{24}_1", each) for each in ids)


def test_where_nobody_would_call_nobody_watches() -> None:
    box = Toolbox(b"secret", random.Random(1))
    plain = box.told(Chat(model="kimi", messages=CHAT.messages))
    assert plain.messages == CHAT.messages and box.calling(plain) is None
