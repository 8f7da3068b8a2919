"""What is fuzzed by coverage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast


class Harness(Protocol):
    """What a module of a target has. `WORDS` are what its input is made of."""

    WORDS: tuple[bytes, ...]

    @staticmethod
    def seeds() -> Iterable[bytes]:
        """Inputs to start from."""
        ...

    @staticmethod
    def check(data: bytes, /) -> None:
        """Raises what is wrong with what reads an input."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A module with a harness. What `reads` its input is instrumented, so that new ways through it are seen."""

    module: str
    reads: tuple[str, ...]

    def load(self) -> Harness:
        """The harness, imported when it is asked for."""
        return cast("Harness", import_module(self.module))


TARGETS: Final = {
    "sse": Target("fuzz.sse", ("kimi.upstreams",)),
    "connect": Target("fuzz.connect", ("kimi.upstreams",)),
    "sieve": Target("fuzz.sieve", ("gateway.tools", "gateway.code_spans")),
    "bodies": Target("fuzz.bodies", ("gateway.surfaces", "gateway.tools", "gateway.explaining")),
}
