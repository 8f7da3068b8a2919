"""What is left to an account of the classic dialect's deep research."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kimi.accounts import Kind
from kimi.errors import FeatureSpent
from kimi.upstreams.drift import Drift

USAGE_PATH: Final = "/api/chat/research/usage"


def check(usage: object, drift: Drift) -> None:
    """Raises `FeatureSpent` when `usage`, which is `{remain, total, used}`, says that nothing is left.

    What says nothing that is understood stops nobody.
    """
    remain = usage.get("remain") if isinstance(usage, Mapping) else None
    if not isinstance(usage, Mapping) or not isinstance(remain, int | float):
        drift.note(Kind.CLASSIC, "answer", "research.usage", usage)
    elif remain <= 0:
        raise FeatureSpent(f"the account has used {usage.get('used')} of its {usage.get('total')} researches")
