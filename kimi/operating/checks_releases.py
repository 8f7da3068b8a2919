"""Whether what Redis holds is of a release that this one can work with, and which releases are at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kimi.errors import Outdated
from kimi.listing import first_of
from kimi.operating.checks import Finding, ok, problem, warning
from kimi.pool.schema import Standing

_SHOWN: Final = 5  # names


def schema(look: Callable[[], Standing], current: int) -> Finding:
    """Whether what `look` finds, or `Outdated`, can be worked with. `current` is what this release makes of it."""
    try:
        standing = look()
    except Outdated as error:
        return problem("schema", error.seen, error.advice)
    if not standing.version:
        return ok("schema", "nothing stands there yet")
    later = f"; the next process of this release that starts makes it {current}" if standing.version < current else ""
    return ok("schema", f"{standing}{later}")


def releases(at_work: Mapping[str, Sequence[str]], ours: str) -> Finding:
    """Whether all processes are of this release, `ours`."""
    others = [f"{release}: {first_of(names, _SHOWN)}" for release, names in at_work.items() if release != ours]
    alike = f"{ours}: {len(at_work.get(ours, ()))} processes"
    if not others:
        return ok("releases", alike)
    seen = "; ".join((alike, *others))
    return warning("releases", seen, "end the upgrade: start the others anew, one after the other, with one release")
