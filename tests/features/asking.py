"""Questions put by a real OpenAI client, and what it makes of the answers, streamed or whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from openai import APIStatusError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.system.stack import KEY, Stack


@dataclass
class Answer:
    """What a client has of an answer."""

    id: str = ""
    model: str = ""
    text: str = ""
    thinking: str = ""
    finish: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    tool_calls: list[dict[str, str]] = field(default_factory=list)
    usage: Any = None

    @property
    def cited(self) -> list[tuple[str, str]]:
        """What stands in the text where each annotation says, and the address that it gives."""
        found = [annotation["url_citation"] for annotation in self.annotations]
        return [(self.text[one["start_index"] : one["end_index"]], one["url"]) for one in found]

    def say(self, delta: Any) -> None:
        """Take a message, or a piece of one."""
        more = delta.model_extra or {}
        self.text += delta.content or ""
        self.thinking += more.get("reasoning_content") or ""
        notes = getattr(delta, "annotations", None) or more.get("annotations") or []
        self.annotations += [note if isinstance(note, dict) else note.model_dump() for note in notes]
        for call in delta.tool_calls or []:
            if getattr(call, "index", None) in (None, len(self.tool_calls)):
                self.tool_calls.append({"name": call.function.name or "", "arguments": ""})
            self.tool_calls[-1]["arguments"] += call.function.arguments or ""


def ask(
    stack: Stack,
    content: Any = "hi",
    *,
    model: str = "kimi",
    messages: list[Any] | None = None,
    streamed: bool = False,
    key: str = KEY,
    **fields: Any,
) -> Answer:
    """The answer to `messages`, or to one of the user. `fields` go into the body as they are."""
    turns: Any = messages if messages is not None else [{"role": "user", "content": content}]
    with OpenAI(base_url=f"{stack.url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        if not streamed:
            return _whole(client.chat.completions.create(model=model, messages=turns, extra_body=fields))
        options: Any = {"include_usage": True}
        chunks = client.chat.completions.create(
            model=model, messages=turns, stream=True, stream_options=options, extra_body=fields
        )
        return _joined(chunks)


def _whole(completion: ChatCompletion) -> Answer:
    (choice,) = completion.choices
    answer = Answer(completion.id, completion.model, finish=choice.finish_reason, usage=completion.usage)
    answer.say(choice.message)
    return answer


def _joined(chunks: Iterable[ChatCompletionChunk]) -> Answer:
    answer = Answer()
    for chunk in chunks:
        answer.id, answer.model, answer.usage = chunk.id, chunk.model, chunk.usage or answer.usage
        for choice in chunk.choices:
            assert choice.finish_reason is None or answer.finish is None, "there is one end"
            answer.finish = choice.finish_reason or answer.finish
            answer.say(choice.delta)
    return answer


def complaint(error: APIStatusError) -> tuple[int, str | None, str | None]:
    """Status, code and param of what the client raised."""
    return error.status_code, error.code, error.param


def answers(stack: Stack, text: str, *, times: int | None = 1, **script: Any) -> None:
    """Let the upstream answer the next question with `text`, which may hold what `simulator.reading` names."""
    stack.simulator.fault("answer", times=times, text=text, **script)


def seen(stack: Stack, endpoint: str = "chat", last: int = 1) -> list[dict[str, Any]]:
    """The newest requests that the upstream has seen, oldest first."""
    notes: list[dict[str, Any]] = stack.simulator.control("GET", f"requests?endpoint={endpoint}&last={last}")
    return notes


def asked(stack: Stack) -> dict[str, Any]:
    """The newest question that the upstream was asked: what was sent, `prompt`, and what was `read`."""
    (note,) = seen(stack)
    return note
