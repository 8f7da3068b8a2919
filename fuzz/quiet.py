"""What is fuzzed would log a line for nearly every input."""

from __future__ import annotations

import logging

import structlog


def say_nothing() -> None:
    """For the rest of this process."""
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
