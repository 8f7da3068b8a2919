"""The servers take turns: every measure of every server, round after round."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ending import Unmeasured
from benchmarks.performance import rivals
from benchmarks.performance.accounts import MODELS
from benchmarks.performance.calm import settle, wait_for_quiet
from benchmarks.performance.house import House
from benchmarks.performance.plan import DIRECT, FLOOR, LITELLM, MEASURES, NAIVE, NGINX, ONCE, Measure, Plan
from benchmarks.performance.servers import Server, direct, gateway
from benchmarks.performance.tables import Samples


@dataclass(frozen=True, slots=True)
class Turns:
    """Servers that can be measured; those whose program is `None` are left out. `failures` says what went wrong."""

    house: House
    nginx: str | None
    litellm: Path | None
    samples: Samples
    failures: list[str] = field(default_factory=list)

    def take(self, plan: Plan) -> None:
        """Measure everything, and tell on the way how far it is."""
        with ExitStack() as stack:
            standing = self._standing(stack, {name for measure in plan.names for name in MEASURES[measure].of})
            for number in range(plan.rounds):
                for name in plan.names:
                    if not (number and MEASURES[name].once):
                        self._measure(name, number, standing, plan)

    def _standing(self, stack: ExitStack, wanted: set[str]) -> dict[str, Server]:
        """The servers that run all the time."""
        servers = {DIRECT: direct(self.house)}
        if wanted & MODELS.keys():
            servers |= stack.enter_context(gateway(self.house))
        for name, start in self._rivals().items():
            if name in wanted:
                servers[name] = stack.enter_context(start())
        return servers

    def _rivals(self) -> dict[str, Callable[[], AbstractContextManager[Server]]]:
        found: dict[str, Callable[[], AbstractContextManager[Server]]] = {
            FLOOR: lambda: rivals.floor(self.house),
            NAIVE: lambda: rivals.naive(self.house),
        }
        if (nginx := self.nginx) is not None:
            found[NGINX] = lambda: rivals.nginx(self.house, nginx)
        if (litellm := self.litellm) is not None:
            found[LITELLM] = lambda: rivals.litellm(self.house, litellm)
        return found

    def _measure(self, name: str, number: int, standing: Mapping[str, Server], plan: Plan) -> None:
        measure, begun = MEASURES[name], time.monotonic()
        for who in measure.of:
            if who not in standing or (number and who in ONCE):
                continue
            try:
                settle(self.house)
                wait_for_quiet(self.house, plan.patience)
                with self._server(who, measure, standing) as server:
                    self.samples.add(who, measure.take(self.house, server, plan.pace), number)
            except (Unmeasured, TimeoutError) as error:
                self.failures.append(f"{name} of {standing[who].name}: {error}")
                print(self.failures[-1], file=sys.stderr, flush=True)
        took = time.monotonic() - begun
        print(f"round {number + 1} of {plan.rounds}: {name}, {took:.0f} s", file=sys.stderr, flush=True)

    @contextmanager
    def _server(self, who: str, measure: Measure, standing: Mapping[str, Server]) -> Iterator[Server]:
        if not measure.fresh:
            yield standing[who]
        elif who in MODELS:
            with gateway(self.house) as servers:
                yield servers[who]
        else:
            with self._rivals()[who]() as server:
                yield server
