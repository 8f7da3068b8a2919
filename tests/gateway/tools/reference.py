"""What the sieve has to find, read out of a text that is there as a whole: plainly, and without a thought of time."""

from __future__ import annotations

import re

from gateway.tools.sieve import Found, Written
from tests.gateway.tools.tagged import SEAL

_NATIVE = re.compile(r"<\|tool_call(?:_begin|_argument_begin|_end|s?_section_begin|s?_section_end)\|>")
_TAG = re.compile(r"<(/?)(call|result)-([a-z0-9]{8})(?![a-z0-9])")
_TORN = re.compile(r"</?(?:call|result)-[a-z0-9]{0,7}")
_WORDS = ("call_begin", "call_argument_begin", "call_end", "calls_section_begin", "calls_section_end")
_MARKS = [f"<|tool_{word.replace('calls', call)}|>" for word in _WORDS for call in ("calls", "call")]
_TORN_NATIVE = {mark[:length] for mark in _MARKS for length in range(len("<|tool_"), len(mark))}
_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"


def reference(text: str) -> list[Found]:
    """What is found; texts that touch are one."""
    found: list[Found] = []
    fence = inline = 0
    while text:
        ticks = len(text) - len(text.lstrip("`"))
        if ticks:
            if fence:
                fence = 0 if ticks >= fence else fence
            elif inline:
                inline = 0 if ticks == inline else inline
            elif ticks >= 3:
                fence = ticks
            else:
                inline = ticks
            _say(found, text[:ticks])
            text = text[ticks:]
            continue
        in_code = bool(fence or inline)
        tag, marker = (None, None) if in_code else (_TAG.match(text), _NATIVE.match(text))
        if tag and SEAL.knows(tag[3]):
            text = _tagged(tag, text[tag.end() :], found)
        elif marker:
            text = text[marker.end() :]
            text = _native(text, found) if marker[0] == _BEGIN else text
        elif not in_code and (_TORN.fullmatch(text) or text in _TORN_NATIVE):
            text = ""
        else:
            inline = 0 if text[0] == "\n" else inline
            _say(found, text[0])
            text = text[1:]
    return found


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
