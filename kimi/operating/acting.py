"""What is done to accounts by their names, each for itself: what cannot be done to one is done to the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from kimi.operating.accounts import Accounts, Limits, NoSuchAccount, Refused
from kimi.operating.noting import listed
from kimi.operating.trial import Trial

AT_ONCE: Final = 8
"""Accounts that are asked at the same time when several are tested."""
PATIENCE_SECONDS: Final = 30.0
"""How long is waited for what comes of a refresh."""
_FAILURES: Final = 800
"""Characters of the audit log about what could not be done."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one account; `seconds` where that took its time.

    With `tried` something was done, for good or ill.
    """

    name: str
    ok: bool
    message: str
    seconds: float | None = None
    tried: bool = True

    def described(self) -> dict[str, Any]:
        """For programs."""
        told = {"name": self.name, "ok": self.ok, "message": self.message}
        return told if self.seconds is None else {**told, "seconds": round(self.seconds, 3)}


class Trying(Protocol):
    """Asks single accounts; see `kimi.operating.trial.Trials`."""

    def run(self, name: str) -> Trial: ...


Ask = Callable[[str], Result]
Together = Callable[[Ask, Sequence[str]], Iterable[Result]]
"""Asks for each of the names, up to `AT_ONCE` at the same time; the results as they come."""
Note = Callable[[str, str, str], object]
"""Writes down what was done, to which accounts, and what came of it."""


class Acting:
    """Does what operators ask for. Whatever it yields may raise `StoreUnavailable`."""

    def __init__(self, accounts: Accounts, trials: Trying, together: Together) -> None:
        self._accounts = accounts
        self._trials = trials
        self._together = together
        self._simple: dict[str, tuple[Callable[[str], object], str]] = {
            "pause": (accounts.pause, "paused"),
            "resume": (accounts.resume, "resumed"),
            "clear": (accounts.clear, "cleared"),
            "delete": (accounts.delete, "deleted"),
        }

    @property
    def verbs(self) -> tuple[str, ...]:
        """What can be done."""
        return ("test", "refresh", *self._simple)

    def perform(
        self, verb: str, names: Sequence[str], note: Note, patience: float = PATIENCE_SECONDS
    ) -> Generator[Result]:
        """Does it to each account once, and tells what came of it as soon as that is known.

        All that was done is one `note`, which is written at the end, also when that comes early: close it.
        """
        names = list(dict.fromkeys(names))
        match verb:
            case "test":
                return _noted(verb, "answered", self._together(self._test, names), note)
            case "refresh":
                return _noted(verb, "refreshed", self._refresh(names, patience), note)
            case _:
                act, told = self._simple[verb]
                return _noted(verb, told, (_done(act, told, name) for name in names), note)

    def edit(self, names: Sequence[str], limits: Limits, note: Note) -> Generator[Result]:
        """Gives each account these limits, noted as above. Raises `ValueError` where nothing is to be changed."""
        changes = {name: value for name, value in asdict(limits).items() if value is not None}
        if not changes:
            raise ValueError("there is no limit to be changed")
        told = ", ".join(f"{name} {value:g}" for name, value in changes.items())
        results = (_done(lambda name: self._accounts.edit(name, limits), told, name) for name in dict.fromkeys(names))
        return _noted("edit", f"given {told}", results, note)

    def _test(self, name: str) -> Result:
        try:
            trial = self._trials.run(name)
        except NoSuchAccount as error:
            return Result(name, ok=False, message=str(error), tried=False)
        return Result(name, trial.ok, trial.message, trial.seconds)

    def _refresh(self, names: Sequence[str], patience: float) -> Iterator[Result]:
        checked = [_done(lambda name: self._accounts.refresh_all([name], patience), "", name) for name in names]
        yield from (result for result in checked if not result.ok)
        for renewal in self._accounts.refresh_all([result.name for result in checked if result.ok], patience):
            yield Result(renewal.name, renewal.ok, renewal.message, renewal.seconds)


def _done(act: Callable[[str], object], told: str, name: str) -> Result:
    try:
        act(name)
    except (NoSuchAccount, Refused) as error:
        return Result(name, ok=False, message=str(error), tried=False)
    return Result(name, ok=True, message=told)


def _noted(verb: str, done: str, results: Iterable[Result], note: Note) -> Generator[Result]:
    """The `results` as they come, and a note of those that there were; none where nothing was tried."""
    known: list[Result] = []
    try:
        for result in results:
            known.append(result)
            yield result
    finally:
        if tried := [result.name for result in known if result.tried]:
            note(verb, listed(tried), _summed(known, done))


def _summed(results: Sequence[Result], done: str) -> str:
    """What came of all: the words of a single one, else how many were `done`, and which were not, and why."""
    if len(results) == 1:
        return results[0].message
    failed = [f"{result.name} ({result.message})" for result in results if not result.ok]
    told = f"{len(results) - len(failed)} {done}"
    return f"{told}, {len(failed)} failed: {listed(failed, _FAILURES)}" if failed else told
