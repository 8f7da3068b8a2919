"""What the operator does to single accounts while they are in use, each of it one step for whoever reads them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from kimi.accounts import Account, ConfiguredAccount, State
from kimi.pool.entering import enter
from kimi.pool.fingerprints import fingerprint
from kimi.pool.members import enter_configured, known_of
from kimi.pool.mending import mend
from kimi.pool.specs import pack, unpack
from kimi.pool.store import Store
from kimi.pool.tokens import Credential

ORIGIN: Final = "operator"


class Entered(StrEnum):
    """What became of an account that was entered by hand."""

    ADDED = "added"
    REPLACED = "replaced"  # it is the new one of an account that was dead or banned with another
    KNOWN = "configured"  # another account has its credential already
    TAKEN = "taken"  # another account has its name
    LATER = "locked"  # what its credential was exchanged for before is being exchanged just now


class Deleted(StrEnum):
    """What became of an account that is to go."""

    DELETED = "deleted"
    UNKNOWN = "unknown"
    CONFIGURED = "configured"  # it stands in the accounts file


class Interventions:
    """Changes the state of accounts by hand. Every method may raise `StoreUnavailable`.

    Those that return a state return the one in which the account was before; None where it is not configured.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def enter(self, member: ConfiguredAccount) -> Entered:
        """Takes an account into the pool that stands in no file.

        It goes on with what its credential was exchanged for before, where that is known. Where one of its name was
        entered before and is dead or banned, only its credential is taken, in the place of that one's. Where no key
        opens it in the account that has it already, it is sealed anew there.
        """
        mend(self._store, {self.holder(member.secret) or member.account.name: known_of(member)})
        return _entered(enter_configured(self._store, member, ORIGIN))

    def enter_again(self, account: Account, known_as: str, credential: Credential) -> Entered:
        """The same for one that the store has lost, by the fingerprint of its secret and with what became of that."""
        return _entered(enter(self._store, account, known_as, credential, origin=ORIGIN))

    def holder(self, secret: str) -> str | None:
        """The account that serves everybody with this secret, as it was configured or entered."""
        with self._store.guarded() as redis:
            name: str | None = redis.hget(self._store.key("holders"), fingerprint(secret))
        return name

    def pause(self, name: str) -> State | None:
        """Sets one that is in service aside; what it is answering just now it answers to the end."""
        return _state(self._store.run("pause", name))

    def resume(self, name: str) -> State | None:
        """One that was set aside serves again, and is refreshed at once."""
        return _state(self._store.run("resume", name))

    def clear(self, name: str) -> State | None:
        """Forgets all that befell it: rests, failures, refused models, and the requests of the last minute.

        One that is dead or banned is tried anew with its stored credential.
        """
        return _state(self._store.run("clear", name))

    def hurry(self, name: str) -> State | None:
        """Makes a refresh due now, and wakes the refresher; nothing for one that is out of service."""
        return _state(self._store.run("hurry", name))

    def delete(self, name: str) -> Deleted:
        """Takes one out for good that stands in no file.

        What became of its credential is kept for 90 days, should it be entered again.
        """
        return Deleted(self._store.run("delete", name))

    def edit(self, name: str, change: Callable[[Account], Account]) -> bool:
        """Gives an account the limits that `change` makes of it; nothing else of it may change.

        Those of the accounts file come back once its entry there changes. False where it is not configured.
        """
        while True:
            with self._store.guarded() as redis:
                spec, present = redis.hmget(self._store.key("account", name), "spec", "present")
            if present != "1":
                return False
            edited = change(unpack(spec, self._store.vault))
            limits = (edited.max_concurrency, edited.requests_per_minute or 0, edited.weight, edited.priority)
            if self._store.run("edit", name, spec, pack(edited, self._store.vault, spec), *limits):
                return True


def _entered(outcome: str) -> Entered:
    return Entered.ADDED if outcome in {"added", "revived", "updated", "same"} else Entered(outcome)


def _state(answer: str) -> State | None:
    return State(answer) if answer else None
