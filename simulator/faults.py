"""Faults that wait for their request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.answers import check_overrides
from simulator.catalogue import CATALOGUE, ENDPOINTS, complete
from simulator.kinds import Kind
from simulator.reasons import ALL_REASONS, REASONS

_IN_STREAM = frozenset({"first", "middle", "trailer", "end"})  # places that only a chat has
_MATCH = frozenset({"account", "org", "endpoint", "kind", "contains"})


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a fault is for; what is None fits all. `contains` looks into the raw body."""

    account: str | None = None
    org: str | None = None
    endpoint: str | None = None
    kind: Kind | None = None
    contains: str | None = None

    def fits(self, account: str | None, org: str | None, endpoint: str, kind: Kind, body: bytes) -> bool:
        """Whether a request is meant."""
        return (
            self.account in (None, account)
            and self.org in (None, org)
            and self.endpoint in (None, endpoint)
            and self.kind in (None, kind)
            and (self.contains is None or self.contains.encode() in body)
        )


@dataclass(slots=True)
class Fault:
    """One fault. It lets `skip` matching requests pass and strikes the `left` next ones (None: all)."""

    id: int
    what: str
    match: Match = Match()
    args: dict[str, Any] = field(default_factory=dict)
    left: int | None = 1
    skip: int = 0
    struck: int = 0

    def exists(self, endpoint: str, kind: Kind) -> bool:
        """Whether that endpoint of that dialect can fail so."""
        entry, reason = CATALOGUE[self.what], self.args.get("reason")
        told = self.what not in ("error", "http") or reason is None or reason in REASONS[kind]
        return endpoint in entry.endpoints and kind in entry.kinds and told

    def strikes(self) -> bool:
        """Whether it strikes the matching request that is there now."""
        if self.left == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.struck += 1
        return True

    def shown(self) -> dict[str, Any]:
        """The fault, for the control API."""
        match = {name: getattr(self.match, name) for name in sorted(_MATCH) if getattr(self.match, name) is not None}
        return {
            "id": self.id,
            "what": self.what,
            "match": match,
            "args": self.args,
            "left": self.left,
            "skip": self.skip,
            "struck": self.struck,
        }


class FaultBook:
    """All faults that are set, in the order in which they were."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault from the control API's JSON. Raises ValueError that says what is wrong."""
        self._last += 1
        fault = parse(wanted, self._last)
        self._faults.append(fault)
        return fault

    def take(self, account: str | None, org: str | None, endpoint: str, kind: Kind, body: bytes) -> Fault | None:
        """The fault that strikes this request: the first that fits."""
        for fault in self._faults:
            fits = fault.exists(endpoint, kind) and fault.match.fits(account, org, endpoint, kind, body)
            if fits and fault.strikes():
                return fault
        return None

    def take_named(self, what: str, endpoint: str, kind: Kind) -> Fault | None:
        """The same before it is known who calls: only a fault that asks neither for an account nor for a body."""
        for fault in self._faults:
            if fault.what == what and fault.match.fits(None, None, endpoint, kind, b"") and fault.strikes():
                return fault
        return None

    def drop(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all. How many went."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault_id not in (None, fault.id)]
        return before - len(self._faults)

    def waits(self, what: str) -> bool:
        """Whether there is a fault of that name that can still strike."""
        return any(fault.what == what and fault.left != 0 for fault in self._faults)

    def shown(self) -> list[dict[str, Any]]:
        """All of them, for the control API."""
        return [fault.shown() for fault in self._faults]


def parse(wanted: Mapping[str, Any], fault_id: int = 0) -> Fault:
    """A fault from JSON: `{what, args?, match?, times?, after?}`. Raises ValueError that says what is wrong."""
    strange = set(wanted) - {"what", "args", "match", "times", "after"}
    if strange:
        raise ValueError(f"a fault has no {', '.join(sorted(strange))}; it has: what, args, match, times, after")
    what = str(wanted.get("what", ""))
    args = _object(wanted, "args")
    if what == "answer":
        check_overrides(args)
    in_stream = "texts" in args or args.get("where") in _IN_STREAM
    args = complete(what, args)
    if what in ("error", "http") and args["reason"] is not None and args["reason"] not in ALL_REASONS:
        raise ValueError(f"unknown reason {args['reason']!r}; known: {', '.join(sorted(ALL_REASONS))}")
    fault = Fault(
        id=fault_id,
        what=what,
        match=_match(_object(wanted, "match"), what, usual="chat" if in_stream else None),
        args=args,
        left=_count(wanted, "times", 1),
        skip=_count(wanted, "after", 0) or 0,
    )
    kinds = [fault.match.kind] if fault.match.kind else list(Kind)
    endpoints = [fault.match.endpoint] if fault.match.endpoint else list(ENDPOINTS)
    if not any(fault.exists(endpoint, kind) for endpoint in endpoints for kind in kinds):
        raise ValueError(f"fault {what!r} with {args} does not exist in {', '.join(kind.value for kind in kinds)}")
    return fault


def _object(wanted: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = wanted.get(name) or {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} has to be an object")  # noqa: TRY004  # bad input, not a bug
    return value


def _count(wanted: Mapping[str, Any], name: str, default: int) -> int | None:
    value = wanted.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} has to be a whole number, 0 or more")
    return value


def _match(wanted: Mapping[str, Any], what: str, *, usual: str | None) -> Match:
    strange = set(wanted) - _MATCH
    if strange:
        raise ValueError(f"match has no {', '.join(sorted(strange))}; it has: {', '.join(sorted(_MATCH))}")
    endpoint = wanted.get("endpoint", usual)
    endpoint = None if endpoint == "any" else endpoint
    if endpoint is not None and endpoint not in CATALOGUE[what].endpoints:
        known = ENDPOINTS & CATALOGUE[what].endpoints
        raise ValueError(f"fault {what!r} cannot strike {endpoint!r}; it strikes: {', '.join(sorted(known))}")
    kind = wanted.get("kind")
    kind = Kind(kind) if kind else None
    return Match(wanted.get("account"), wanted.get("org"), endpoint, kind, wanted.get("contains"))
