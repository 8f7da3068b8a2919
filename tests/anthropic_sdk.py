"""anthropic-python for the tests that need it: to import it takes a second, in each process that collects tests."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def sdk() -> ModuleType:
    """It is imported by whoever asks first."""
    return import_module("anthropic")
