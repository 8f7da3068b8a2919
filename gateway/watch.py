"""Whether this worker can work with what Redis holds, as it was a moment ago."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from kimi.errors import StoreUnavailable
from kimi.pool.schema import LOOK_SECONDS

log = logging.getLogger(__name__)


class Watch(ABC):
    """Looks now and then, and says so in the log when that changes.

    It is shut out where its look raises `refusal`; `so` says behind that what comes of it, and `again` that it is over.
    """

    refusal: ClassVar[type[StoreUnavailable]]
    so: ClassVar[str]
    again: ClassVar[str]

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.is_shut_out = False
        self._monotonic = monotonic
        self._next = 0.0
        self._is_over = False

    @abstractmethod
    def _look(self) -> None:
        """Raises `StoreUnavailable`."""

    @abstractmethod
    def _leave(self) -> None:
        """Takes away what looks have left. Raises `StoreUnavailable`."""

    def check(self) -> None:
        """Does nothing before the next look is due."""
        if self._is_over or self._monotonic() < self._next:
            return
        try:
            self._look()
        except self.refusal as error:
            if not self.is_shut_out:
                log.error("%s; %s", error, self.so)  # noqa: TRY400
            self.is_shut_out = True
        except StoreUnavailable:
            return  # what was seen last stands, and the next look is due
        else:
            if self.is_shut_out:
                log.warning(self.again)
            self.is_shut_out = False
        self._next = self._monotonic() + LOOK_SECONDS

    def end(self) -> None:
        """This worker ends."""
        self._is_over = True
        with suppress(StoreUnavailable):  # it is forgotten by itself
            self._leave()
