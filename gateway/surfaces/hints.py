"""What a client would like of the model: to think more or less, and to search.

The spellings are those of OpenAI (`reasoning_effort`, `reasoning.effort`, `web_search_options`), of the official
platform (`thinking.type`), of kimi-free-api (`use_search`) and of common gateways (`enable_thinking`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.surfaces.fields import choice
from kimi.chat import Effort

EFFORTS: Final[Mapping[str, Effort]] = {
    "none": "none",
    "minimal": "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}
_THINKING: Final[Mapping[str, bool | None]] = {"enabled": True, "disabled": False, "auto": None, "adaptive": None}


def effort(body: Mapping[str, Any]) -> Effort | None:
    """How much the model is to think; None where nothing is said. Raises `BadRequest`.

    Whoever switches thinking off gets none, however much effort stands beside it.
    """
    thinks = [_thinking(body.get("thinking")), choice(body, "enable_thinking")]
    reasoning = body.get("reasoning")
    if reasoning is not None and not isinstance(reasoning, Mapping):
        raise BadRequest("`reasoning` has to be an object.", param="reasoning")
    wished = _effort(body.get("reasoning_effort"), "reasoning_effort")
    if reasoning is not None:
        thinks.append(choice(reasoning, "enabled", where="reasoning."))
        wished = wished or _effort(reasoning.get("effort"), "reasoning.effort")
    if False in thinks:
        return "none"
    return wished or ("medium" if True in thinks else None)


def search(body: Mapping[str, Any]) -> bool | None:
    """Whether the model is to search; None where nothing is said. `use_search` goes before. Raises `BadRequest`."""
    said, options = choice(body, "use_search"), body.get("web_search_options")
    if options is not None and not isinstance(options, Mapping):
        raise BadRequest("`web_search_options` has to be an object.", param="web_search_options")
    return True if said is None and options is not None else said


def _effort(value: object, param: str) -> Effort | None:
    if value is None or value == "":
        return None
    known = EFFORTS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise BadRequest(f"`{param}` has to be one of {', '.join(EFFORTS)}.", param=param)
    return known


def _thinking(value: object) -> bool | None:
    """`{"type": "enabled"}`, or simply true or false."""
    if not isinstance(value, Mapping):
        return choice({"thinking": value}, "thinking")
    kind = value.get("type")
    if kind is None:
        return None
    if not isinstance(kind, str) or kind not in _THINKING:
        raise BadRequest(f"`thinking.type` has to be one of {', '.join(_THINKING)}.", param="thinking.type")
    return _THINKING[kind]
