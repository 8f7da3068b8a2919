"""What a client wishes of the model's thinking, and what it wants to see of it.

Where nothing is said, the model thinks as it does by itself or by its name.
Clients that say nothing expect an answer of text only, so what is thought is hidden then, unless they offer tools: then
they take answers of several blocks, and Kimi's official models want to hear their thoughts again with the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from gateway.errors import BadRequest
from gateway.surfaces.messages.tools import Offers

Shown = Literal["shown", "omitted", "hidden"]
"""Thinking blocks with what was thought, such blocks without, or none at all."""
_KINDS: Final = ("enabled", "adaptive", "between_tools", "disabled")
_EFFORTS: Final[Mapping[str, str]] = {
    # All levels that Kimi's models tell apart.
    "low": "low",
    "medium": "high",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}
_NONE: Final[Mapping[str, Any]] = {"thinking": {"type": "disabled"}}
_LOW: Final = 4_096
"""A budget of fewer tokens than these asks for little thinking."""


def thinking(body: Mapping[str, Any], offered: Offers) -> tuple[dict[str, Any], Shown]:
    """The fields of chat completions for it, and what is shown. Raises `BadRequest`.

    Official models that think refuse a call that is forced: there nobody thinks unless it is asked for.
    """
    effort = _effort(body.get("output_config"))
    wished = body.get("thinking")
    if wished is None:
        return dict(_NONE) if offered.is_forced else {}, "shown" if offered.has_functions else "hidden"
    kind = wished.get("type") if isinstance(wished, Mapping) else None
    if kind not in _KINDS:
        raise BadRequest(f"`thinking.type` has to be one of {', '.join(_KINDS)}.", param="thinking.type")
    if kind == "disabled":
        return dict(_NONE), "hidden"
    if kind == "enabled":
        effort = effort or _afforded(wished.get("budget_tokens"))
    fields: dict[str, Any] = {"thinking": {"type": "enabled"}} if kind == "enabled" else {}
    if effort is not None:
        fields["reasoning_effort"] = effort
    return fields, "omitted" if wished.get("display") == "omitted" else "shown"


def _effort(config: object) -> str | None:
    effort = config.get("effort") if isinstance(config, Mapping) else None
    if effort is None:
        return None
    if not isinstance(effort, str) or effort not in _EFFORTS:
        raise BadRequest(f"`effort` has to be one of {', '.join(_EFFORTS)}.", param="output_config.effort")
    return _EFFORTS[effort]


def _afforded(budget: object) -> str:
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 1:
        raise BadRequest("`budget_tokens` has to be a number of tokens.", param="thinking.budget_tokens")
    return "low" if budget < _LOW else "high"
