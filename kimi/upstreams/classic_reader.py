"""What the classic dialect answers: the events of its stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kimi.accounts import Kind
from kimi.errors import BrokenAnswer, KimiError
from kimi.events import Answering, Event, Finish, Source, Sources, Text, Thinking
from kimi.upstreams import classic_sources, complaints, sse
from kimi.upstreams.continuing import explain
from kimi.upstreams.drift import Drift
from kimi.upstreams.reading import parsed

ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""What ids of chats and segments look like: they go into paths."""
_BESIDE: Final = frozenset({"search_info", "search_citation", "search_plus", "ref_docs", "debug"})
"""Events in which something may fail, a page mostly, without the answer."""
_KNOWN: Final = _BESIDE | {"req", "resp", "length", "rename", "ping", "done", "zone_set", "status", "loading"}
"""Events beside those of the text and the end."""
_LIKE_TEXT: Final = ("cmpl", "k1")
"""Events whose names begin so, and that we do not know, may well bring text in another way."""
_NO_TEXT: Final = frozenset({"event", "id", "group_id", "view"})
_FINE: Final = (0, 200)
_ENDS: Final = frozenset({"done", "all_done"})
_FAILED: Final = ("error", "failed")


class Reader:
    """Reads the event stream of one answer, or of its continuation; see `kimi.upstreams.reading.Reader`.

    `question` and `answer` are the ids of the two segments, once they are told; `wrote` says whether any of the answer
    came, `found` whether pages for it, `at_limit` whether it stopped at the output limit.
    `rest` is set for the rest of an answer: what is thought again then was thought before. `marks` see its text.
    `token` is what was asked with: an error may repeat it.
    """

    def __init__(
        self,
        drift: Drift,
        *,
        continues: bool = False,
        rest: bool = False,
        marks: classic_sources.Marks | None = None,
        token: str = "",
    ) -> None:
        self.question = ""
        self.answer = ""
        self.wrote = False
        self.found = False
        self.at_limit = False
        self._drift = drift
        self._continues = continues
        self._rest = rest
        self._marks = marks
        self._token = token
        self._decoder = sse.Decoder()

    def feed(self, chunk: bytes, told: list[Event]) -> None:
        """Tells the events that `chunk` completes."""
        self._read(self._decoder.feed(chunk), told)

    def close(self) -> Finish:
        """The stream has ended, which it may not do before `all_done`."""
        told: list[Event] = []
        self._read(self._decoder.close(), told)  # one that was cut off is no JSON
        if told and isinstance(finish := told[-1], Finish):
            return finish
        raise BrokenAnswer("the stream ended before all_done")

    def _read(self, datas: Iterable[bytes], told: list[Event]) -> None:
        for data in datas:
            said = parsed(data)
            name = said.get("event")
            if name in ("cmpl", "k1"):
                if "error" in said or "error_type" in said:
                    self._refuse_failure(said)
                text = said.get("text")
                if not isinstance(text, str):
                    self._check_without_text(said)
                elif text and name == "cmpl":
                    self.wrote = True
                    if self._marks is not None:
                        self._marks.feed(text)
                    told.append(Text(text))
                elif text and not self._rest:
                    told.append(Thinking(text))
            elif name == "all_done":
                self._refuse_failure(said)
                told.append(self._finish())
                return
            else:
                self._rare(name, said, told)

    def _rare(self, name: object, message: Mapping[str, Any], told: list[Event]) -> None:
        if not isinstance(name, str) or name not in _KNOWN:
            self._odd(name, message)
            return
        if name not in _BESIDE:
            self._refuse_failure(message)
        if name == "req":
            self.question = self._id(message)
        elif name == "resp":
            self.answer = self._id(message)
            if self.answer:  # it can be read without
                told.append(Answering(self.answer))
        elif name == "search_plus":
            self._found(classic_sources.of_search(message.get("msg")), told)
        elif name == "ref_docs":
            self._found(classic_sources.of_cards(message.get("ref_cards")), told)
        elif name == "length":
            self.at_limit = True

    def _found(self, pages: tuple[Source, ...], told: list[Event]) -> None:
        if pages:
            self.found = True
            told.append(Sources(pages))

    def _odd(self, name: object, message: Mapping[str, Any]) -> None:
        hidden = complaints.inside(message)
        complaint = self._complaint(hidden or message)
        is_error = name == "error" or (name is None and (complaint is not None or _is_code(message.get("code"))))
        if not is_error:
            self._drift.note(Kind.CLASSIC, "event", "without.name" if name is None else name, message)
            if isinstance(name, str) and name.startswith(_LIKE_TEXT):
                _refuse_words(message)
        # What is not known may be passed over, but not when it says that the answer has failed.
        if is_error or hidden is not None:
            raise self._error(complaint)

    def _refuse_failure(self, message: Mapping[str, Any]) -> None:
        """An event that is known may say that the answer has failed, too."""
        is_echo = message.get("event") == "req"  # what is inside of it are the user's own files
        hidden = complaints.inside(message, depth=1) if is_echo else complaints.inside(message)
        if hidden is not None or message.get("error") or _has_failed(message):
            raise self._error(self._complaint(hidden or message))

    def _complaint(self, said: object) -> complaints.Complaint | None:
        return complaints.of_object(Kind.CLASSIC, said, secret=self._token)

    def _error(self, complaint: complaints.Complaint | None) -> KimiError:
        if complaint is None:
            return BrokenAnswer("the stream reports an error without words")
        return explain(complaint, self._drift, continues=self._continues)

    def _id(self, message: Mapping[str, Any]) -> str:
        segment_id = message.get("id")
        if isinstance(segment_id, str) and ID.fullmatch(segment_id):
            return segment_id
        self._drift.note(Kind.CLASSIC, "event", f"{message['event']}.without.id", message)
        return ""

    def _finish(self) -> Finish:
        # The rest of an answer that says nothing more has not gone beyond the limit.
        if self.at_limit or (self._rest and not self.wrote):
            return Finish("length")
        if not self.wrote:
            raise BrokenAnswer("the answer is empty")
        return Finish("stop")

    def _check_without_text(self, message: Mapping[str, Any]) -> None:
        if message.get("text") is not None:
            raise BrokenAnswer("the text of an event is no text")
        self._drift.note(Kind.CLASSIC, "event", f"{message['event']}.without.text", message)
        _refuse_words(message)


def _is_code(value: object) -> bool:
    """Whether this is the number of an error, in the way of many a server that stands before others."""
    return type(value) is int and value not in _FINE


def _has_failed(message: Mapping[str, Any]) -> bool:
    """Whether the word of the end is that of a failure."""
    return message.get("event") in _ENDS and (_is_code(message.get("code")) or message.get("status") in _FAILED)


def _refuse_words(message: Mapping[str, Any]) -> None:
    """Passing over words could leave a hole in the answer. Raises `BrokenAnswer` where there are any."""
    if any(value and isinstance(value, str) for key, value in message.items() if key not in _NO_TEXT):
        raise BrokenAnswer("text comes in an unknown way")
