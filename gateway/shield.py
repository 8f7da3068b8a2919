"""Talking to the pool so that a client who leaves in the middle cuts nothing in half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from gevent import Greenlet, GreenletExit, getcurrent

from gateway.errors import ClientGone
from kimi.errors import KimiError

T = TypeVar("T")


class Shieldable(Greenlet):  # type: ignore[misc]
    """A greenlet that can be killed at any moment, or be told that its client has gone, but within `shielded` only
    when that ends.

    A greenlet of its own for every call that must not be cut in half would cost as much as the call.
    What it logs has the context of whoever makes it, as the id of a request.
    """

    _shields = 0
    _postponed: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gr_context = copy_context()

    @property
    def is_to_end(self) -> bool:
        """Whether it was killed, and ends as soon as it is shielded no longer."""
        return self._postponed is not None

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """For the greenlet itself."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._postponed is not None and not self._shields:
                error, self._postponed = self._postponed, None
                raise error

    def throw(self, error: Any = GreenletExit, *rest: Any) -> None:
        """What ends it comes this way, and so do timeouts of sockets and the like, which nothing holds back."""
        if self._shields and _ends(error):
            self._postponed = error
        else:
            super().throw(error, *rest)


class Shielded(Generic[T]):
    """A call that runs to its end when whoever made it is killed meanwhile.

    `orphaned` gets its result then, and `refused` is called if there is none.
    Only a `Shieldable` greenlet may be killed while it waits for this.
    """

    def __init__(
        self, call: Callable[[], T], orphaned: Callable[[T], object], refused: Callable[[], object] = lambda: None
    ) -> None:
        self._call = call
        self._orphaned = orphaned
        self._refused = refused

    def result(self) -> T:
        """What the call returns. Raises the `KimiError` that it raised."""
        here = getcurrent()
        if not isinstance(here, Shieldable):
            return self._call()
        with here.shielded():
            try:
                result = self._call()
            except KimiError:
                if here.is_to_end:
                    self._refused()
                raise
            if here.is_to_end:
                self._orphaned(result)
        return result


def _ends(error: Any) -> bool:
    """Whether it kills a greenlet, or tells that whoever it works for has gone."""
    kind = error if isinstance(error, type) else type(error)
    return issubclass(kind, GreenletExit | ClientGone)
