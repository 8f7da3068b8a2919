"""What going on in the same chat saves: a conversation with a file in its first question, through the real gateway.

    .venv/bin/python -m benchmarks.conversations
    .venv/bin/python -m benchmarks.conversations --turns 50 --file docs/reliability.md --inline

The same conversation is held twice with either kind of web account: once with chats that are continued, and once with
the whole history in every question. What the upstream was sent is counted in tokens by our own estimate.
The file goes as an attachment, or with `--inline` as text in the first question.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kimi.usage import count
from tests.system.stack import ROOT, Stack

MODELS: Final = {"kimi": "kimi-k2.6", "kimi-classic": "kimi-k1"}
SYSTEM: Final = "You are a careful engineer. Answer in a few sentences, and quote the text where that helps."
ANSWER: Final = (
    "The text says so in its second part, and again where it speaks of what happens when something fails. " * 5
)


@dataclass(frozen=True)
class Sent:
    """What the upstream was sent in one conversation."""

    tokens: int
    characters: int
    uploads: int
    chats: int


def main() -> None:
    """Hold the conversations and print what was sent."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=20)
    options.add_argument("--file", type=Path, default=ROOT / "docs" / "reliability.md", help="what turn 1 brings along")
    options.add_argument("--inline", action="store_true", help="the file as text in the first question")
    given = options.parse_args()
    text = given.file.read_text("utf-8")
    print(f"{given.turns} turns, {len(text.encode()) / 1024:.1f} KiB {'as text' if given.inline else 'attached'}\n")
    print("| accounts | way | tokens sent | characters | uploads | chats | of the whole history |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in MODELS:
        folded = held(kind, "0", given.turns, text, inline=given.inline)
        native = held(kind, "1800", given.turns, text, inline=given.inline)
        for way, sent in (("the whole history", folded), ("continued", native)):
            share = sent.tokens / folded.tokens
            print(
                f"| {kind} | {way} | {sent.tokens:,} | {sent.characters:,} | {sent.uploads} | {sent.chats} "
                f"| {share:.1%} |"
            )


def held(kind: str, seconds: str, turns: int, text: str, *, inline: bool) -> Sent:
    """Holds the conversation with chats that can be continued for so many `seconds`."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), env={"KIMI_CONVERSATION_SECONDS": seconds})
        try:
            stack.start(**{kind.replace("-", "_"): 2})
            stack.simulator.settings(answer=ANSWER)
            converse(stack, MODELS[kind], turns, text, inline=inline)
            return sent_to(stack)
        finally:
            stack.stop()


def converse(stack: Stack, model: str, turns: int, text: str, *, inline: bool) -> None:
    """Asks one question after the other, each with all that was said before, as clients do."""
    first: Any = f"Read this.\n\n{text}"
    if not inline:
        url = "data:text/plain;base64," + base64.b64encode(text.encode()).decode()
        file = {"type": "file", "file": {"filename": "reliability.txt", "file_data": url}}
        first = [{"type": "text", "text": "Read this."}, file]
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": first}]
    with stack.client() as client:
        for turn in range(2, turns + 2):
            answer = client.chat.completions.create(model=model, messages=messages)
            messages.append({"role": "assistant", "content": answer.choices[0].message.content})
            messages.append({"role": "user", "content": f"And what does it say about point {turn}, in short?"})


def sent_to(stack: Stack) -> Sent:
    """What the upstream has seen."""
    notes = stack.simulator.control("GET", "requests?endpoint=chat")
    texts = [note.get("system", "") + note["prompt"] for note in notes]
    totals = stack.simulator.state()["totals"]
    return Sent(sum(map(count, texts)), sum(map(len, texts)), totals["uploads"], totals["chats_created"])


if __name__ == "__main__":
    main()
