"""What an upstream says that we do not know: told once each, by shape, so that a changed dialect is noticed."""

from __future__ import annotations

import logging
import re

from kimi.accounts import Kind

log = logging.getLogger(__name__)

_NAME = re.compile(r"[\w.:/-]{1,60}", re.ASCII)
_MOST = 1000


class Drift:
    """Remembers what was told already. A name is logged only when it looks like one, a value never."""

    def __init__(self) -> None:
        self._seen: set[tuple[Kind, str, str]] = set()

    def note(self, kind: Kind, what: str, name: object) -> None:
        """Say that accounts of `kind` met an unknown `what` (event, mask, reason, …) called `name`."""
        shape = name if isinstance(name, str) and _NAME.fullmatch(name) else f"({type(name).__name__})"
        entry = (kind, what, shape)
        if entry in self._seen or len(self._seen) >= _MOST:
            return
        self._seen.add(entry)
        log.warning("the %s upstream sends an unknown %s: %s", kind.value, what, shape)
