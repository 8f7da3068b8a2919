"""Of many inputs the few that go all ways that they go together."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any, Final

from fuzz.targets import Target

_MOST: Final = 2
"""So many times are told apart from one another: a loop that is left at once, and one that is not."""

Step = tuple[str, int, int]
Way = tuple[Step, int]


def fewest(target: Target, inputs: Iterable[bytes], *, besides: Sequence[bytes] = ()) -> list[bytes]:
    """The shorter ones first: whatever goes a way that neither one before it nor those `besides` have gone."""
    check = target.load().check
    known: set[Way] = set()
    for data in besides:
        known |= _ways(check, data, target.reads)
    kept = []
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        ways = _ways(check, data, target.reads)
        if not ways <= known:
            known |= ways
            kept.append(data)
    return kept


def _ways(check: Callable[[bytes], None], data: bytes, modules: tuple[str, ...]) -> set[Way]:
    """From which line to which it goes in `modules`, and how often."""
    went: Counter[Step] = Counter()

    def called(frame: FrameType, _event: str, _value: Any) -> Any:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(modules):
            return None
        last = 0

        def inside(frame: FrameType, event: str, _value: Any) -> Any:
            nonlocal last
            if event == "line":
                went[module, last, frame.f_lineno] += 1
                last = frame.f_lineno
            return inside

        return inside

    before = sys.gettrace()
    sys.settrace(called)
    try:
        check(data)
    finally:
        sys.settrace(before)
    return {(step, min(count, _MOST)) for step, count in went.items()}
