"""The accounts as the pool knows them: what the operator configured and what has become of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from types import MappingProxyType

import orjson

from kimi.accounts import ConfiguredAccount, Origin, Record, State
from kimi.errors import Garbled, Unreadable
from kimi.pool.canary import Canary
from kimi.pool.entering import enter
from kimi.pool.fingerprints import fingerprint
from kimi.pool.hashes import PAGE, account_names, read
from kimi.pool.mending import Known, mend
from kimi.pool.neighbours import Neighbours
from kimi.pool.records import record_of
from kimi.pool.store import Store, to_ms
from kimi.pool.tokens import Credential

_UNREADABLE = "unreadable"  # beside what the script says
_LOCKED = "locked"
_WITHDRAWN, _HELD = 1, 2  # as `withdraw.lua` says


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync changed, by account name."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    revived: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()  # nothing was changed, because a refresh is running: sync again
    unreadable: tuple[str, ...] = ()  # not taken: what is known of them cannot be read, or not with the keys at hand
    elsewhere: Mapping[str, str] = field(
        default_factory=dict
    )  # not taken: another pool has them, whose name stands here


@dataclass(frozen=True, slots=True)
class Summary:
    """The pool at a glance: how many accounts hold a good access token, and the routes that the configured ones serve.

    Those that serve one client alone are left out of both.
    """

    usable: int
    routes: frozenset[str]


def known_of(member: ConfiguredAccount, rotated: Mapping[str, Credential] = MappingProxyType({})) -> Known:
    """What is known of its secret; `rotated` is what has become of such, by fingerprint."""
    known_as = fingerprint(member.secret)
    return Known(known_as, rotated.get(known_as, Credential(member.secret, 0)))


def enter_configured(
    store: Store,
    member: ConfiguredAccount,
    origin: str,
    rotated: Mapping[str, Credential] = MappingProxyType({}),
    *,
    limits: Sequence[int] = (),
) -> str:
    """Enters one as it is configured, as `entering.enter` does; `rotated` is what became of secrets, by fingerprint."""
    known_as, credential = known_of(member, rotated)
    return enter(store, member.account, known_as, credential, origin=origin, limits=limits)


class Members:
    """Reads and writes what is known of accounts. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._canary = Canary(store)
        self._neighbours = Neighbours(store)

    def sync(
        self,
        configured: Sequence[ConfiguredAccount],
        origin: str = "config",
        *,
        rotated: Mapping[str, Credential] = MappingProxyType({}),
        only: Collection[str] | None = None,
    ) -> SyncReport:
        """Brings the pool in line with what is configured; accounts of the same origin that are gone leave service.

        One whose secret another name has from now on serves on while that is being exchanged: both are deferred. Where
        all others were entered before, `only` those can be.

        A stored credential stays until the configured one itself changes, because it may have been rotated.
        Nothing is deleted: an account that comes back finds its rotated token, also under another name.
        `rotated` is what the caller remembers of that, by fingerprint, should the store have lost everything. What
        another pool has is left to that. Raises `Unreadable` in a process with the wrong keys, before anything is
        changed.
        """
        self._canary.look()
        wanted = {member.account.name: fingerprint(member.secret) for member in configured}
        # First all that go, so that what has become of their secrets is there for whoever has those from now on.
        leaving = self._leaving(origin, wanted)
        for name in self.sorted_out([*leaving])[1]:
            del leaving[name]  # whoever is garbled is left alone
        secrets = set(wanted.values())
        said = {name: self._store.run("withdraw", name, int(leaving[name] in secrets)) for name in leaving}
        left = [name for name, word in said.items() if word == _WITHDRAWN]
        held = {name: leaving[name] for name, word in said.items() if word == _HELD}
        locked = [name for name in wanted if name in held or wanted[name] in held.values()]
        entering = [member for member in configured if only is None or member.account.name in only]
        report = self._bring([member for member in entering if member.account.name not in locked], origin, rotated)
        return replace(
            report,
            removed=tuple(name for name in left if name not in wanted),
            deferred=(*locked, *report.deferred),
        )

    def enter(
        self, configured: Sequence[ConfiguredAccount], *, rotated: Mapping[str, Credential] = MappingProxyType({})
    ) -> SyncReport:
        """The same of accounts that are not all that there are: they are entered, and no other leaves service for that.

        One whose secret another name has stays out. It looks at nobody else. Raises `Unreadable` in the same way.
        """
        self._canary.look()
        secrets = {member.account.name: fingerprint(member.secret) for member in configured}
        names = {
            each.fingerprint: each.account.name
            for each in self.holding({*secrets.values()})
            if each.configured and each.origin is Origin.FILE
        }
        entering = [
            member
            for member in configured
            if names.get(secrets[member.account.name], member.account.name) == member.account.name
        ]
        for record in self.some([member.account.name for member in entering]):
            name = record.account.name
            is_other = not compare_digest(record.fingerprint, secrets[name])
            if record.configured and record.origin is Origin.FILE and is_other:
                self._store.run("withdraw", name, 0)  # what has become of its secret is kept for whoever has that
        return self._bring(entering, "config", rotated)

    def _bring(
        self, entering: Sequence[ConfiguredAccount], origin: str, rotated: Mapping[str, Credential]
    ) -> SyncReport:
        elsewhere = self.elsewhere(entering, rotated)
        entering = [member for member in entering if member.account.name not in elsewhere]
        mend(self._store, {member.account.name: known_of(member, rotated) for member in entering})
        garbled = self.sorted_out([member.account.name for member in entering])[1]
        outcomes = {
            member.account.name: _UNREADABLE if member.account.name in garbled else self._enter(member, origin, rotated)
            for member in entering
        }

        def those(outcome: str) -> tuple[str, ...]:
            return tuple(name for name, found in outcomes.items() if found == outcome)

        return SyncReport(
            added=those("added"),
            updated=those("updated"),
            revived=those("revived"),
            deferred=those(_LOCKED),
            unreadable=those(_UNREADABLE),
            elsewhere=elsewhere,
        )

    def elsewhere(
        self, configured: Sequence[ConfiguredAccount], rotated: Mapping[str, Credential] = MappingProxyType({})
    ) -> dict[str, str]:
        """Those that would be new here and that another pool of this Redis has, by name; the name of that pool.

        What they are configured with is spent there. A key is not, and may serve several pools.
        """
        names = {fingerprint(member.secret): member.account.name for member in configured if member.account.kind.is_web}
        strangers = self._neighbours.strangers([each for each in names if each not in rotated])
        return {name: strangers[each] for each, name in names.items() if each in strangers}

    def _enter(self, member: ConfiguredAccount, origin: str, rotated: Mapping[str, Credential]) -> str:
        """One whose secrets cannot be opened keeps nobody from entering the others."""
        try:
            return enter_configured(self._store, member, origin, rotated)
        except Unreadable:
            return _UNREADABLE

    def has_others(self, configured: Sequence[ConfiguredAccount] = (), origin: str = "config") -> bool:
        """Whether accounts of that origin are in service that are not `configured` so."""
        return bool(self._leaving(origin, {member.account.name: fingerprint(member.secret) for member in configured}))

    def serves_any(self) -> bool:
        """Whether accounts are in service, from the file or by hand; those of clients are none of the operator's."""
        names = account_names(self._store)
        rows = read(self._store, [f"account:{name}" for name in names], ("present", "owner"))
        return any(row.get("present") == "1" and "owner" not in row for row in rows)

    def withdraw(self, names: Iterable[str]) -> list[str]:
        """Takes these out of service, as those that are configured no more.

        Returns those that stay, for they are being exchanged.
        """
        return [name for name in names if self._store.run("withdraw", name, 1) == _HELD]

    def traced(self, configured: Sequence[ConfiguredAccount]) -> set[str]:
        """Those, by name, of whose secrets the pool knows: an account has it, or what became of it is kept.

        One that is not there itself was taken out and deleted, or is another's by now; the store has not lost it.
        """
        names = {fingerprint(member.secret): member.account.name for member in configured}
        kept = read(self._store, [f"kept:{each}" for each in names], ("name",))
        held = {record.fingerprint for record in self.holding(names)}
        there = self.known([*names.values()])  # those may be garbled
        return there | {name for (each, name), row in zip(names.items(), kept, strict=True) if row or each in held}

    def get(self, name: str) -> Record | None:
        """What is stored of one account, or None. Raises `Garbled` where that is not understood."""
        with self._store.guarded() as redis:
            pipe = redis.pipeline()
            pipe.hgetall(self._store.key("account", name))
            pipe.zscore(self._store.key("refresh"), name)
            values, due = pipe.execute()
        return record_of(values, due, self._store.vault) if values else None

    def all(self) -> list[Record]:
        """Every account that is configured, or was and is not forgotten yet, by name."""
        return self.some(account_names(self._store))

    def holding(self, fingerprints: Collection[str]) -> list[Record]:
        """Those that serve everybody with secrets of these fingerprints."""
        if not fingerprints:
            return []
        with self._store.guarded() as redis:
            names = redis.hmget(self._store.key("holders"), list(fingerprints))
        return [record for record in self.some([name for name in names if name]) if record.fingerprint in fingerprints]

    def some(self, names: Sequence[str]) -> list[Record]:
        """Those of `names` that are known and understood, in this order."""
        return self.sorted_out(names)[0]

    def sorted_out(self, names: Sequence[str] | None = None) -> tuple[list[Record], dict[str, Garbled]]:
        """The same, of all accounts by default; and those whose record is not understood, with the reason."""
        names = account_names(self._store) if names is None else names
        records: list[Record] = []
        garbled: dict[str, Garbled] = {}
        for start in range(0, len(names), PAGE):
            page = names[start : start + PAGE]
            with self._store.guarded() as redis:
                pipe = redis.pipeline(transaction=False)
                for name in page:
                    pipe.hgetall(self._store.key("account", name))
                pipe.zmscore(self._store.key("refresh"), list(page))
                *found, due = pipe.execute()
            for name, values, when in zip(page, found, due, strict=True):
                try:
                    records += [record_of(values, when, self._store.vault)] if values else []
                except Garbled as error:
                    garbled[name] = error
        return records, garbled

    def known(self, names: Sequence[str]) -> set[str]:
        """Those of `names` that are known, for much less than `some` of them cost."""
        rows = read(self._store, [f"account:{name}" for name in names], ("present",))
        return {name for name, row in zip(names, rows, strict=True) if row}

    def mend(self, record: Record, credential: Credential) -> bool:
        """Seals the credential of an account anew that no key opens, where it is surely this one; whether it was done.

        Raises `Unreadable` in a process with the wrong keys.
        """
        return bool(mend(self._store, {record.account.name: Known(record.fingerprint, credential)}))

    def mark(self, name: str, version: int, state: State, reason: str) -> bool:
        """Takes an account out of service; only a new credential or the operator brings it back.

        False when its credential is no longer `version`, or when it is in that state already.
        """
        return bool(self._store.run("mark", name, version, state.value, reason))

    def may_list(self, name: str, version: int, pause: float) -> bool:
        """Whether the account may be asked for its models now, with the credential of `version`.

        Whoever asks is the only one to be told so for `pause` seconds.
        """
        return bool(self._store.run("models", name, version, "", to_ms(pause)))

    def list_models(self, name: str, version: int, entries: Iterable[str]) -> bool:
        """Stores what an account of the web chat has told that it can be asked; see `kimi.scenarios`.

        False when its credential is no longer `version`.
        """
        return bool(self._store.run("models", name, version, orjson.dumps(list(entries)).decode(), 0))

    def forget(self) -> tuple[str, ...]:
        """Forgets what was taken out of the configuration 90 days ago, credentials included; up to 100 names."""
        return tuple(self._store.run("forget"))

    def routes(self) -> set[str]:
        """Every route that some configured account serves."""
        with self._store.guarded() as redis:
            return set(redis.smembers(self._store.key("routes")))

    def summary(self) -> Summary:
        """The pool at a glance, in one round trip whatever its size."""
        with self._store.guarded() as redis:
            pipe = redis.pipeline(transaction=False)
            pipe.zcount(self._store.key("usable"), f"({self._store.now() * 1000:.0f}", "+inf")
            pipe.smembers(self._store.key("routes"))
            usable, routes = pipe.execute()
        return Summary(usable, frozenset(routes))

    def _leaving(self, origin: str, wanted: Mapping[str, str]) -> dict[str, str]:
        """Those of that origin that are configured, by name, while another secret than theirs is `wanted`, or none.

        With the fingerprint of theirs.
        """
        names = account_names(self._store)
        rows = read(self._store, [f"account:{name}" for name in names], ("origin", "present", "fingerprint"))
        return {
            name: row.get("fingerprint", "")
            for name, row in zip(names, rows, strict=True)
            if row.get("origin") == origin
            and row.get("present") == "1"
            and not compare_digest(row.get("fingerprint", ""), wanted.get(name, ""))
        }
