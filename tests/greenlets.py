"""The greenlets of a process, for tests that run in it and for those that look at it from outside."""

from __future__ import annotations

import gc
from typing import Any

import greenlet
from gevent.hub import Hub


def alive() -> list[Any]:
    """Those of this thread that have begun and not ended, or will begin; gevent's hub is nobody's."""
    everything: list[Any] = gc.get_objects()
    found = [thing for thing in everything if issubclass(type(thing), greenlet.greenlet)]
    here = _root(greenlet.getcurrent())
    return [each for each in found if each and not isinstance(each, Hub) and _root(each) is here]


def name(each: Any) -> str:
    """The function that a greenlet runs; "main" for the one that the thread began with, which runs none."""
    function = getattr(each, "_run", None) or getattr(each, "run", None)
    return "main" if function is None else str(getattr(function, "__qualname__", function))


def _root(each: Any) -> Any:
    """The greenlet that its thread began with."""
    while each.parent is not None:
        each = each.parent
    return each
