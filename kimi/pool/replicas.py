"""Replicas that have what must not be lost, should another server be the master a moment later."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from kimi.errors import NotKept
from kimi.pool.masters import Asked, Lead, Standing, each_once, lead
from kimi.pool.voters import Place
from kimi.redis_address import parse

log = logging.getLogger(__name__)

WAIT_MS: Final = 500
"""A replica that lives has a write within milliseconds."""
_PROMPT_SECONDS: Final = 1
"""A replica that lives speaks that often."""
DOUBT_SECONDS: Final = 60.0
"""For so long a server without its replicas may have been put out of office, where nobody can be asked: longer than
managed ones need for that, and far shorter than what is left of tokens that are renewed."""


@cache
def replicas(url: str, pool: str, /) -> Replicas:
    """How many replicas are to have it, and what is known of them, for all stores of this process."""
    return Replicas(parse(url).replicas, lead(url, pool))


@dataclass(frozen=True, slots=True)
class Waited:
    """That a write is waited for until `wanted` replicas have it, on the master that was known then."""

    wanted: int
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class Attached:
    """The replicas that a master tells of.

    `have` are those that have acknowledged all that was written before, and `prompt` is how many have lately spoken.
    """

    all: frozenset[Place]
    have: frozenset[Place]
    prompt: int

    @classmethod
    def told(cls, before: object, after: object) -> Attached:
        """By what `INFO replication` says before the replicas were asked how far they are, and after that.

        Raises `NotKept` where it says nothing.
        """
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            raise NotKept(f"Redis does not say which replicas have what was written, let its user ask (+info): {after}")
        online = [row for row in _rows(after) if row["state"] == "online"]
        written = before["master_repl_offset"]
        return cls(
            all=called(after),
            have=frozenset(_place(row) for row in online if row["offset"] >= written),
            prompt=len(_prompt(after)),
        )


def called(info: Mapping[str, Any]) -> frozenset[Place]:
    """The replicas that a master tells of, as it calls them."""
    return frozenset(map(_place, _rows(info)))


class Replicas:
    """Looks whether replicas have what was written: `wanted` of them, or all where that is None.

    All, for any of them may be the next master, and is from before anybody says so: who hands over in peace takes that
    replica first, and the others follow the old master on for a second. What the chosen one had before it was chosen is
    kept, and what it has not cannot be lost where nobody takes it for written.

    Where fewer have it, that is enough only while each has it that could be the next master: the master says who has
    it, by name, and behind that most of those who elect say who could, that the same server is the master still, and
    that nobody replaces it. A number would not do: who never leads has it too, and stands in for nobody.
    Where nobody can be asked, it is after `DOUBT_SECONDS` in which there were never fewer.
    """

    def __init__(
        self, wanted: int | None = 0, led: Lead | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wanted = wanted
        self._lead = led
        self._monotonic = monotonic
        self._doubt = _Doubt()
        self._prompt: int | None = None
        self._means = ""
        self._met: frozenset[Place] = frozenset()  # those that are known by the name that the master calls them by
        self.lacking = ""
        """What was missing of what was last written; empty where all had it."""

    @property
    def are_wanted(self) -> bool:
        """Whether anything is to be waited for."""
        return self._wanted != 0

    def electing(self) -> Asked | None:
        """What those say who elect the master; None where nobody does. Raises what redis-py raises."""
        return self._lead.ask_all() if self._lead else None

    def ask(self, pipe: Any) -> Waited:
        """Lets a pipeline wait behind what it writes; its answer and what this returns are for `judge`.

        Raises what redis-py raises.
        """
        standing = self._lead.standing() if self._lead else None
        wanted = self._wanted or max(1, len(standing.replicas) if standing else 0)
        count = wanted if self._prompt is None else min(wanted, self._prompt)  # the dead would keep each write waiting
        pipe.execute_command("WAIT", count, WAIT_MS)
        pipe.execute_command("INFO", "replication")
        return Waited(wanted, standing)

    def judge(self, waited: Waited, answer: object, look: Callable[[int], Attached], info: object = None) -> None:
        """Returns when what was written is kept as well as it can be. Raises `NotKept` while that is not sure.

        `answer` and `info` are what came of `ask`. `look` asks the master, and waits a moment until so many replicas
        have said how far they are.
        """
        try:
            lacking = self._lacking(waited, answer, look, _prompt(info) if isinstance(info, Mapping) else None)
        except NotKept as error:
            self._note(str(error), "no token is spent so, and none counts as stored")
            raise
        self._note(lacking, "what they lack is lost if it fails over now")

    def _lacking(
        self, waited: Waited, answer: object, look: Callable[[int], Attached], prompt: frozenset[Place] | None
    ) -> str:
        """What is missing of what is wanted, though it is kept. Raises `NotKept`."""
        if not isinstance(answer, int):
            raise NotKept(f"Redis does not say how many replicas have what was written: {answer}")
        seen = f"{answer} of {waited.wanted} replicas of Redis have what was written"
        known = waited.standing.replicas if waited.standing else frozenset[Place]()
        if prompt is not None and waited.standing:
            prompt = each_once(prompt, waited.standing.runs)
        missed = (self._met & known) - (known if prompt is None else prompt)
        # Who has just come may be among those that have it, in the place of one that is known.
        others = self._wanted is None and (missed or len(prompt or ()) > len(known) > 0)
        self._met = known & (self._met | (prompt or frozenset()))
        if answer >= max(waited.wanted, len(known)) and not others:
            self._prompt = None
            self._doubt.end()
        elif self._lead and waited.standing:
            self._prompt = None  # where nothing is sure the next write waits for all again
            short = answer < waited.wanted
            attached = look(answer if short else len(prompt or ())) if short or others else None
            standing = self._lead.confirmed()
            candidates = _candidates(standing, waited.standing, seen)
            if attached:
                have, there = (each_once(places, standing.runs) for places in (attached.have, attached.all))
                attached = replace(attached, have=have, all=there)
                _check(candidates, attached, standing.replicas, self._met, seen)
                self._prompt = attached.prompt
                if lacking := standing.replicas - attached.have:
                    seen = f"{seen}, not {named(lacking)}"
        elif not self._doubt.is_over(answer, self._monotonic()):
            raise NotKept(f"{seen}, which is not believed for {DOUBT_SECONDS:.0f} s")
        return "" if answer >= waited.wanted else seen

    def _note(self, lacking: str, means: str) -> None:
        """Says what is missing once it means anything else than before, and once that nothing is any more."""
        before, self.lacking = self._means, lacking
        self._means = means if lacking else ""
        if lacking and means != before:
            log.warning("%s, and %s: see to the replicas, or let Redis forget those that are gone", lacking, means)
        elif before and not lacking:
            log.info("all replicas of Redis have what is written again")


class _Doubt:
    """Whether to believe a server that lacks replicas, where nobody can be asked."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._last = 0.0
        self._had = 0

    def end(self) -> None:
        """None is lacking."""
        self._since = None

    def is_over(self, had: int, now: float) -> bool:
        """Whether it has had so many, and never fewer than just before, for long enough; one old lack says nothing."""
        if self._since is None or had < self._had or now - self._last >= DOUBT_SECONDS:
            self._since = now
        self._last, self._had = now, had
        return now - self._since >= DOUBT_SECONDS


def _candidates(now: Standing, then: Standing, seen: str) -> frozenset[Place]:
    """Who could take that master's place. Raises `NotKept` where it may be the master no more."""
    if not now.is_of(then):
        raise NotKept(f"{seen}, and another server is the master now")
    if now.candidates is None:
        raise NotKept(f"{seen}, and most of those who elect do not say that nobody takes its place")
    return now.candidates


def _check(
    candidates: frozenset[Place], attached: Attached, known: frozenset[Place], met: frozenset[Place], seen: str
) -> None:
    """Raises `NotKept` while one of those lacks it that could lead next, or nobody knows whether it does."""
    unseen, strangers = candidates - attached.all - met, attached.all - known
    if unseen and strangers:
        raise NotKept(
            f"{seen}, and who elects calls none of its replicas {named(strangers)}, as the master does: let "
            "replica-announce-ip and -port be what they are called by SENTINEL REPLICAS or CLUSTER NODES, and set "
            "`sentinel announce-hostnames yes` where that is a host name"
        )
    if lacking := candidates - attached.have:
        raise NotKept(f"{seen}, and {named(lacking)} may lead next without it")


def _prompt(info: Mapping[str, Any]) -> frozenset[Place]:
    """Those that have lately spoken."""
    rows = _rows(info)
    return frozenset(_place(row) for row in rows if row["state"] == "online" and row["lag"] <= _PROMPT_SECONDS)


def _place(row: Mapping[str, Any]) -> Place:
    return str(row["ip"]), int(row["port"])


def _rows(info: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [row for name, row in info.items() if name.startswith("slave") and isinstance(row, Mapping)]


def named(places: Collection[Place]) -> str:
    """Those places in words."""
    return ", ".join(f"{host}:{port}" for host, port in sorted(places))
