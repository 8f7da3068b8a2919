"""The product as its user has it: gateway, refresher and Redis, with the simulator in place of Kimi."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.ending import Unmeasured
from clients.catalogue import WEB
from tests.system.stack import KEY, Stack

_ALIASES: Final = {
    "gpt-6-astra": "kimi",  # which openai-python's own tests ask
    **{f"{name}-{model}": f"{model}-thinking" for model in WEB for name in ("gpt-5", "claude-4")},  # see llm_comply_run
}
ADMIN_KEY: Final = "sk-test-admin-key"
_ENV: Final = {
    "GATEWAY_ADMIN_KEY": ADMIN_KEY,
    "KIMI_CONVERSATION_SECONDS": "600",  # a Stack keeps none
    "KIMI_MODEL_ALIASES": ",".join(f"{name}={model}" for name, model in _ALIASES.items()),
}
_LAST: Final = 5  # lines of a process's log that say why it does not start
ACCOUNTS: Final = {"kimi": 6, "kimi_classic": 3, "moonshot": 1}  # agents ask several things at once


@dataclass(frozen=True, slots=True)
class Product:
    """Where it is."""

    url: str
    simulator: str
    key: str = field(default=KEY, repr=False)
    admin_key: str = field(default=ADMIN_KEY, repr=False)


def _start(stack: Stack) -> None:
    try:
        stack.start(**ACCOUNTS)
    except TimeoutError as error:
        processes = [one for one in (stack.simulator, *stack.refreshers, *stack.gateways) if one.log.exists()]
        last = [f"{one.name}: {line}" for one in processes for line in one.said.splitlines()[-_LAST:]]
        raise Unmeasured("\n".join((f"The product did not start: {error}", *last))) from error


@contextmanager
def started(folder: Path) -> Iterator[Product]:
    """The product while the block runs, with its logs in `folder`."""
    stack = Stack(folder, env=dict(_ENV), simulator_options=["--directives"])
    try:
        _start(stack)
        yield Product(stack.url, stack.simulator.url)
    finally:
        stack.stop()
