"""What the official platform answers: OpenAI's chunks with some of its own in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from kimi.accounts import Kind
from kimi.errors import BrokenAnswer, ContentRefused, KimiError
from kimi.events import Event, Finish, FinishReason, Text, Thinking, Usage
from kimi.upstreams import complaints, sse
from kimi.upstreams.complaints import Complaint
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify
from kimi.upstreams.moonshot_calls import Calls, text_of
from kimi.upstreams.reading import parsed

# More tokens than any answer has. What is told above it is a mistake, and added up it would be no number for Redis.
_LARGEST = 1_000_000_000

_MOST_CHOICES = 16
_MOST_UNKNOWN = 16  # fields of one object

# What stands in a choice beside its words and its end, and in a delta beside its words.
_CHOICE = frozenset({"index", "delta", "finish_reason", "usage", "logprobs"})
_DELTA = frozenset({"role", "content", "reasoning_content", "tool_calls", "partial", "name"})
_WORDS = ("content", "reasoning_content", "tool_calls")
_LIKE_WORDS = ("text", "message", "refusal", "answer")  # where other dialects have them
_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "repeat": "length",  # cut off because it repeated itself: no normal end, and OpenAI has no word for it
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
# Of several reasons the last of these counts: where an answer was cut, no word of a normal end behind it mends that.
_WEIGHT: Sequence[FinishReason] = ("stop", "tool_calls", "length", "content_filter")
_CUT = frozenset({"length", "content_filter"})


class Reader:
    """Reads the chunks of one answer; see `kimi.upstreams.reading.Reader`.

    `token` is what it was asked with: an error may repeat it.
    """

    def __init__(self, drift: Drift, token: str = "") -> None:
        self._drift = drift
        self._token = token
        self._decoder = sse.Decoder()
        self._written = 0  # characters of text
        self._calls = Calls()
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Tells the events that `chunk` completes."""
        for data in self._decoder.feed(chunk):
            said = self._message(data)
            if said is None:
                told.append(self._finish())
                return
            if "usage" in said:
                self._count(said["usage"])
            choices = said.get("choices")
            if isinstance(choices, list):
                if len(choices) > _MOST_CHOICES:
                    raise BrokenAnswer("a chunk has more choices than were asked for")
                for choice in choices:
                    self._read(choice, told)
            else:
                self._check_without_choices(said)

    def _message(self, data: bytes) -> dict[str, Any] | None:
        """What an event says; `None` for the word that there are no more. Raises what it says of a failure."""
        if data == b"[DONE]":
            return None
        said = parsed(data)
        if said.get("error") is not None:
            raise self._error(said)
        return said

    def _error(self, said: Mapping[str, Any]) -> KimiError:
        complaint = complaints.of_object(Kind.MOONSHOT, said, secret=self._token)
        return classify(complaint or Complaint(Kind.MOONSHOT, 200), self._drift)

    def _read(self, choice: object, told: list[Event]) -> None:
        if not isinstance(choice, dict):
            raise BrokenAnswer("a choice is no object")
        if choice.get("index", 0) not in (0, None):  # another answer, of which none was asked for
            self._drift.note(Kind.MOONSHOT, "choice", "another.index", choice)
            return
        delta = choice.get("delta")
        if not _CHOICE.issuperset(choice):
            self._unknown("choice", choice, _CHOICE, delta)
        text = delta.get("content") if isinstance(delta, dict) and len(delta) == 1 else None
        if text and isinstance(text, str):  # nearly always
            self._written += len(text)
            told.append(Text(text))
        elif isinstance(delta, dict):
            self._say(delta, told)
        else:
            self._check_without_delta(choice)
        if "usage" in choice:
            self._count(choice["usage"])
        if (reason := choice.get("finish_reason")) is not None:
            self._reason = max(self._reason or "stop", self._known(reason, choice), key=_WEIGHT.index)

    def close(self) -> Finish:
        """The stream has ended, which it may do without `[DONE]`, but not without a reason."""
        for data in self._decoder.close():  # raises what was broken before
            said = self._message(data)
            if said is None:
                break
            if said.get("choices"):
                raise BrokenAnswer("the stream was cut off in its last event")
        return self._finish()

    def _say(self, delta: Mapping[str, Any], told: list[Event]) -> None:
        if not _DELTA.issuperset(delta):
            self._unknown("delta", delta, _DELTA, delta)
        if "reasoning_content" in delta and (thinking := text_of(delta, "reasoning_content")):
            told.append(Thinking(thinking))
        if "content" in delta and (text := text_of(delta, "content")):
            self._written += len(text)
            told.append(Text(text))
        if calls := delta.get("tool_calls"):
            told.extend(self._calls.told(calls))

    def _check_without_choices(self, message: Mapping[str, Any]) -> None:
        if message.get("choices") is not None:
            raise BrokenAnswer("the choices of a chunk are no list")
        if "usage" not in message:
            self._drift.note(Kind.MOONSHOT, "chunk", "without.choices", message)

    def _check_without_delta(self, choice: Mapping[str, Any]) -> None:
        delta = choice.get("delta")
        if delta is not None or choice.get("finish_reason") is None:
            # Passing over it could leave a hole in the answer.
            self._drift.note(Kind.MOONSHOT, "choice", "without.delta", {"delta": delta})
            raise BrokenAnswer("a choice has neither words nor an end")

    def _count(self, usage: object) -> None:
        # It comes on the finish frame and again in a last chunk: the later one counts, they are not added up.
        if not isinstance(usage, dict):
            return
        prompt, completion = _number(usage, "prompt_tokens"), _number(usage, "completion_tokens")
        if prompt and completion is not None:  # none at all is no figure
            cached = _number(usage, "cached_tokens")
            inner = _number(usage.get("prompt_tokens_details"), "cached_tokens")
            reasoning = _number(usage.get("completion_tokens_details"), "reasoning_tokens")
            self._usage = Usage(prompt, completion, cached if cached is not None else inner, reasoning)

    def _known(self, reason: object, choice: object) -> FinishReason:
        known = _FINISH.get(reason) if isinstance(reason, str) else None
        if known is None:
            raise self._error({"code": str(reason), "message": "the answer was given up", "choice": choice})
        return known

    def _unknown(self, what: str, fields: Mapping[str, Any], known: frozenset[str], delta: object) -> None:
        for name in islice((name for name in fields if name not in known), _MOST_UNKNOWN):
            if fields[name] is not None:
                self._drift.note(Kind.MOONSHOT, what, name, fields)
        has_words = isinstance(delta, dict) and any(map(delta.get, _WORDS))
        # Passing over words could leave a hole in the answer, if they are not all of it once more.
        found = map(_words, map(fields.get, _LIKE_WORDS))
        if not has_words and any(len(words) != self._written for words in found if words):
            raise BrokenAnswer("text comes in an unknown way")

    def _finish(self) -> Finish:
        if self._reason is None:
            raise BrokenAnswer("the stream ended before its finish reason")
        if not self._written and not self._calls:
            if self._reason == "content_filter":
                raise ContentRefused("the answer was withheld by the vendor's filter")
            if self._reason != "length":
                raise BrokenAnswer("the answer is empty")
        if self._reason == "tool_calls" and not self._calls:
            raise BrokenAnswer("the answer ends with tool calls, but there are none")
        self._calls.check(is_cut=self._reason in _CUT)
        return Finish(self._reason, self._usage)


def _words(value: object) -> str | list[object]:
    words = value.get("content") if isinstance(value, Mapping) else value
    return words if isinstance(words, str | list) else ""


def _number(fields: object, name: str) -> int | None:
    number = fields.get(name) if isinstance(fields, dict) else None
    return number if type(number) is int and 0 <= number <= _LARGEST else None
