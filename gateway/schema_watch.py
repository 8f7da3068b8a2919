"""Whether this worker knows the schema of what Redis holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.watch import Watch
from kimi.errors import Outdated
from kimi.pool.schema import Schema


class SchemaWatch(Watch):
    """As often as it looks it shows which release it is.

    Since this one started a newer release may have changed what stands there, or somebody put an older state back.
    Requests that come are served as well as it goes on: it is for whoever sends them to send no more. `bar` is told the
    error, and None once all is well: what operators do is not to be done by a release that does not know what is there.
    """

    refusal = Outdated
    so = "this gateway is not ready any more"
    again = "what Redis holds is understood again"

    def __init__(
        self,
        schema: Schema,
        *,
        bar: Callable[[Outdated | None], object] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(monotonic=monotonic)
        self._schema = schema
        self._bar = bar

    def _look(self) -> None:
        try:
            self._schema.check()
        except Outdated as error:
            self._bar(error)
            raise
        self._bar(None)

    def _leave(self) -> None:
        self._schema.leave()
