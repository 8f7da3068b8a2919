"""Names of models as Anthropic's clients have them, and a list of models as they read it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from kimi.aliases import Aliases
from kimi.models import LONGEST, FeatureUnserved, UnknownModel, select

_WIDE: Final = re.compile(r"\[\w+\]\Z")
"""Claude Code asks so for a larger window, as in `claude-sonnet-4-5[1m]`."""
_DAY: Final = re.compile(r"[-@](?:20\d{6}|latest)\Z")
_THEIRS: Final = re.compile(r"(?:anthropic[./])?claude(?:-|\Z)", re.IGNORECASE)


def served(name: str, default: str, routes: Collection[str], aliases: Aliases) -> str:
    """The name under which what `name` means is asked for in a pool that serves `routes`.

    That is itself, where somebody serves it or the operator has said what it stands for, and so without a day or
    brackets at its end; `default` for all others of Anthropic's.
    """
    if len(name) > LONGEST:
        return name
    plain = _WIDE.sub("", name)
    if not _THEIRS.match(plain):
        return plain
    return next((each for each in (plain, _DAY.sub("", plain)) if _is_served(each, routes, aliases)), default)


def model(name: str, since: int) -> dict[str, Any]:
    """One model, which is there `since` a time in Unix seconds."""
    day = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    unknown = dict.fromkeys(("capabilities", "max_input_tokens", "max_tokens"))
    return {"type": "model", "id": name, "display_name": name, "created_at": day, "lifecycle": "active", **unknown}


def model_list(names: Sequence[str], since: int) -> dict[str, Any]:
    """All models on one page."""
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"data": [model(name, since) for name in names], "has_more": False, **ends}


def _is_served(name: str, routes: Collection[str], aliases: Aliases) -> bool:
    try:
        select(name, routes, aliases)
    except (UnknownModel, FeatureUnserved):
        return False
    return True
