"""The product as its user has it: gateway, refresher and Redis, with the simulator in place of Kimi."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clients.catalogue import WEB
from tests.system.stack import KEY, Stack

_ALIASES: Final = {
    "gpt-6-astra": "kimi",  # which openai-python's own tests ask
    **{f"{name}-{model}": f"{model}-thinking" for model in WEB for name in ("gpt-5", "claude-4")},  # see llm_comply_run
}
_ENV: Final = {
    "KIMI_CONVERSATION_SECONDS": "600",  # a Stack keeps none
    "KIMI_MODEL_ALIASES": ",".join(f"{name}={model}" for name, model in _ALIASES.items()),
}
ACCOUNTS: Final = {"kimi": 6, "kimi_classic": 3, "moonshot": 1}  # agents ask several things at once


@dataclass(frozen=True, slots=True)
class Product:
    """Where it is."""

    url: str
    simulator: str
    key: str = field(default=KEY, repr=False)


@contextmanager
def started(folder: Path) -> Iterator[Product]:
    """The product while the block runs, with its logs in `folder`."""
    stack = Stack(folder, env=dict(_ENV), simulator_options=["--directives"])
    try:
        stack.start(**ACCOUNTS)
        yield Product(stack.url, stack.simulator.url)
    finally:
        stack.stop()
