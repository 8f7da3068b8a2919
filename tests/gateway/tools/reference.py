"""What the sieve has to find, read out of a text that is there as a whole: plainly, and without a thought of time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.tools.sieve import LONGEST_SPAN, Found, Written
from tests.gateway.tools.tagged import SEAL

_NATIVE = re.compile(r"<\|tool_call(?:_begin|_argument_begin|_end|s?_section_begin|s?_section_end)\|>")
_TAG = re.compile(r"<(/?)(call|result)-([a-z0-9]{8})(?![a-z0-9])")
_TORN = re.compile(r"</?(?:call|result)-[a-z0-9]{0,7}")
_LEAD = re.compile(r"[ \t>*+\-\d.)]{0,16}")
_WORDS = ("call_begin", "call_argument_begin", "call_end", "calls_section_begin", "calls_section_end")
_MARKS = [f"<|tool_{word.replace('calls', call)}|>" for word in _WORDS for call in ("calls", "call")]
_TORN_NATIVE = {mark[:length] for mark in _MARKS for length in range(len("<|tool_"), len(mark))}
_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"


class _Code:
    """What of the text so far is code."""

    def __init__(self) -> None:
        self.fence = self.lead = ""
        self.inline = 0
        self.is_opening = self.is_sure = False

    def run(self, said: str) -> None:
        leads, self.lead = _LEAD.fullmatch(self.lead) is not None, "no lead"
        if self.is_opening and said[0] == self.fence[0] == "~":
            self.fence, self.is_opening = "", False
            return
        if self.is_opening and said[0] == self.fence[0]:
            self.fence, self.inline, self.is_opening = "", len(self.fence), False
        if self.fence:
            self.fence = "" if leads and said.startswith(self.fence) else self.fence
        elif self.inline:
            self.inline = 0 if said == "`" * self.inline else self.inline
            self.is_sure = self.is_sure and self.inline > 0
        elif leads and len(said) >= 3:
            self.fence, self.is_opening = said, True
        elif said[0] == "`":
            self.inline = len(said)

    def say(self, character: str) -> None:
        self.lead += character
        if character == "\n":
            self.inline, self.is_sure, self.is_opening, self.lead = 0, False, False, ""

    def has(self, mark_and_rest: str) -> bool:
        """Whether the mark stands in code of its line."""
        line = mark_and_rest[:LONGEST_SPAN].partition("\n")[0]
        self.is_sure = self.inline > 0 and any(len(each) == self.inline for each in re.findall("`+", line))
        self.inline = self.inline if self.is_sure else 0
        self.lead = "no lead"
        return self.is_sure


def reference(text: str) -> list[Found]:
    """What is found; texts that touch are one."""
    found: list[Found] = []
    code = _Code()
    while text:
        run = re.match("`+|~+", text)
        is_mark = not code.fence and not code.is_sure and _is_mark(text)
        if run:
            code.run(run[0])
            _say(found, run[0])
            text = text[len(run[0]) :]
        elif is_mark and not code.has(text):
            text = _marked(text, found)
        else:
            code.say(text[0])
            _say(found, text[0])
            text = text[1:]
    return found


def _is_mark(text: str) -> bool:
    tag = _TAG.match(text)
    return bool((tag and SEAL.knows(tag[3])) or _NATIVE.match(text) or _TORN.fullmatch(text) or text in _TORN_NATIVE)


def _marked(text: str, found: list[Found]) -> str:
    tag, marker = _TAG.match(text), _NATIVE.match(text)
    if tag:
        return _tagged(tag, text[tag.end() :], found)
    if marker:
        text = text[marker.end() :]
        return _native(text, found) if marker[0] == _BEGIN else text
    return ""


def _say(found: list[Found], text: str) -> None:
    if found and isinstance(found[-1], str):
        found[-1] += text
    else:
        found.append(text)


def _tagged(tag: re.Match[str], rest: str, found: list[Found]) -> str:
    slash, word, trigger = tag.groups()
    if slash:
        return re.sub(r"^[ \t]{0,8}>?", "", rest)
    whole = rest
    head, rest = _head(r"[^<>{\n]{0,200}", rest)
    if word == "call" and rest and rest[0] not in ">{<\n":
        return whole
    is_shut = rest.startswith(">")
    rest = rest.removeprefix(">")
    if word == "result":
        return rest
    if is_shut and head.endswith("/"):
        found.append(Written(head[:-1], "", is_closed=True))
        return rest
    end = re.search(f"<(/?)(call|result)-{trigger}", rest)
    at = end.start() if end else len(rest)
    found.append(Written(head, rest[:at], bool(end and end[0] == f"</call-{trigger}")))
    return rest[at:]


def _native(rest: str, found: list[Found]) -> str:
    whole = rest
    head, rest = _head(r"\s{0,8}[\w.:/-]{0,140}\s{0,8}", rest)
    if rest and rest[0] not in "{<":
        return whole
    rest = rest.removeprefix(_ARGUMENTS)
    end = next((each for each in _NATIVE.finditer(rest) if each[0] != _ARGUMENTS), None)
    at = end.start() if end else len(rest)
    found.append(Written(head, rest[:at], bool(end and end[0] == _END)))
    return rest[at:]


def _head(pattern: str, text: str) -> tuple[str, str]:
    match = re.match(pattern, text)
    head = match[0] if match else ""
    return head, text[len(head) :]


def joined(found: Iterable[Found]) -> list[Found]:
    """Texts that touch are one."""
    whole: list[Found] = []
    for one in found:
        if isinstance(one, str) and whole and isinstance(whole[-1], str):
            whole[-1] += one
        else:
            whole.append(one)
    return whole
