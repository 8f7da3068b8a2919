"""The marks between which a model writes a call: our own tags, and those that Kimi's models were trained with.

Ours have a trigger in their name, which `gateway.tools.seal` vouches for:

    <call-k3f9x2qa name="get_weather">
    {"city": "Berlin"}
    </call-k3f9x2qa>

Kimi's own, as the model cards and the parsers of inference engines have them. Engines have seen a section without its
begin or end, and its word in the singular:

    <|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Berlin"}
    <|tool_call_end|><|tool_calls_section_end|>
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.tools.seal import LENGTH

CALL, RESULT = "call", "result"
LONGEST_HEAD: Final = 200
"""Characters between the beginning of a call of ours and its arguments: its name, and what a model may add to that."""

_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_SECTION: Final = tuple(f"<|tool_call{s}_section_{end}|>" for s in ("s", "") for end in ("begin", "end"))
_NATIVE: Final = (_BEGIN, _ARGUMENTS, _END, *_SECTION)
_LEADS: Final = tuple(f"<{slash}{word}-" for slash in ("", "/") for word in (CALL, RESULT))
_SURELY: Final = (*_LEADS, "<|tool_")
"""What nobody writes who does not begin a mark."""
_TAG: Final = re.compile(rf"<(?P<slash>/?)(?P<word>{CALL}|{RESULT})-(?P<trigger>[a-z0-9]{{{LENGTH}}})(?![a-z0-9])")
_TRIGGER: Final = re.compile("[a-z0-9]*")
_LONGEST: Final = max(*map(len, _NATIVE), max(map(len, _LEADS)) + LENGTH)
_HEAD: Final = re.compile(rf"[^<>{{\n]{{0,{LONGEST_HEAD}}}")
_NATIVE_HEAD: Final = re.compile(r"\s{0,8}[\w.:/-]{0,140}\s{0,8}")
_BLANK: Final = re.compile(r"[ \t]{0,8}")


@dataclass(frozen=True, slots=True)
class Mark:
    """What may stand at a place of a text.

    Behind the first `length` characters comes `head`, then `separator`. All that is hidden. Where it `opens` a call the
    arguments follow, up to one of `ends`, which are marks themselves; the first of them is the right one. A call whose
    separator is missing goes on with one of `instead`; with anything else it is none, and somebody speaks of its mark.
    """

    length: int
    head: re.Pattern[str] | None = None
    separator: str = ""
    opens: bool = False
    instead: str = ""
    ends: re.Pattern[str] | None = None
    closer: str = ""
    tail: int = 0  # the length of the longest end


_HIDDEN: Final = {mark: Mark(len(mark)) for mark in _NATIVE}
_NATIVE_ENDS: Final = tuple(mark for mark in _NATIVE if mark != _ARGUMENTS)
_NATIVE_CALL: Final = Mark(
    len(_BEGIN),
    _NATIVE_HEAD,
    _ARGUMENTS,
    opens=True,
    instead="{<",
    ends=re.compile("|".join(map(re.escape, _NATIVE_ENDS))),
    closer=_END,
    tail=max(map(len, _NATIVE_ENDS)),
)


def open_tag(word: str, trigger: str, **attributes: object) -> str:
    """`<call-k3f9x2qa name="get_weather">`."""
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{word}-{trigger}{said}>"


def close_tag(word: str, trigger: str) -> str:
    """`</call-k3f9x2qa>`."""
    return f"</{word}-{trigger}>"


def mark_at(text: str, at: int, knows: Callable[[str], bool]) -> Mark | None:
    """The mark that stands whole at this place, if one does."""
    tag = _TAG.match(text, at)
    if tag is not None and knows(tag["trigger"]):
        return _sealed(tag["slash"], tag["word"], tag["trigger"])
    native = next((mark for mark in _NATIVE if text.startswith(mark, at)), "")
    return _NATIVE_CALL if native == _BEGIN else _HIDDEN.get(native)


def may_begin(text: str, at: int) -> bool:
    """Whether a mark may begin at this place and go on behind the end of `text`."""
    if len(text) - at > _LONGEST:
        return False
    rest = text[at:]
    if any(mark.startswith(rest) and mark != rest for mark in _NATIVE):
        return True
    for lead in _LEADS:
        if lead.startswith(rest):
            return True
        if rest.startswith(lead):
            trigger = rest[len(lead) :]
            return len(trigger) <= LENGTH and _TRIGGER.fullmatch(trigger) is not None
    return False


def torn(text: str, at: int) -> Mark | None:
    """The mark with whose beginning `text` breaks off at its end, if it can be nothing else."""
    rest = text[at:]
    if rest.startswith(_SURELY) and may_begin(text, at) and _TAG.match(text, at) is None:
        return Mark(len(rest))
    return None


@lru_cache(maxsize=64)
def _sealed(slash: str, word: str, trigger: str) -> Mark:
    length = 1 + len(slash) + len(word) + 1 + LENGTH
    if slash:
        return Mark(length, _BLANK, ">")
    if word == RESULT:
        return Mark(length, _HEAD, ">")
    closer = f"</{CALL}-{trigger}"
    ends = (closer, f"<{CALL}-{trigger}", f"<{RESULT}-{trigger}", f"</{RESULT}-{trigger}")
    return Mark(
        length,
        _HEAD,
        ">",
        opens=True,
        instead="{<\n",
        ends=re.compile("|".join(ends)),
        closer=closer,
        tail=max(map(len, ends)),
    )
