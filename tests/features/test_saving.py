"""What is saved by going on in the same chat."""

from __future__ import annotations

import base64
from typing import Any

from tests.features.asking import answers, ask, asked
from tests.system.stack import Stack


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_twenty_turns_with_a_file_send_a_fraction(house: Stack) -> None:
    """What was sent for the same conversation when it was folded is the measure."""
    content = base64.b64encode(b"%PDF-1.4\n% twenty turns\n%%EOF\n").decode()
    file = {"type": "file", "file": {"filename": "plan.pdf", "file_data": f"data:application/pdf;base64,{content}"}}
    history = [said("user", [{"type": "text", "text": "Sum it up. " * 20}, file])]
    native = folded = 0
    for number in range(20):
        answers(house, f"{number}: an answer of some length. " * 20)
        answer = ask(house, messages=history)
        native += len(asked(house)["prompt"])
        texts = (turn["content"] if isinstance(turn["content"], str) else "Sum it up. " * 20 for turn in history)
        folded += sum(map(len, texts))
        history += [said("assistant", answer.text), said("user", f"Go on with point {number}, please.")]
    (chat,) = [chat for chat in house.simulator.control("GET", "chats") if len(chat["turns"]) == 40]
    assert chat["turns"][0]["files"] == ["plan.pdf"]
    assert folded > 50 * native, f"{folded} characters folded, {native} native"
