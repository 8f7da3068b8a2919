"""What operators do to a pool: its file, and their hands."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from kimi.accounts import Account, ConfiguredAccount, State
from kimi.pool.interventions import Deleted, Entered
from kimi.pool.resealing import Resealing
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.model import Member
from tests.kimi.pool.steps import NAMES, SECRETS, accounts, named, some_names
from tests.kimi.pool.steps_of_refreshers import RefresherSteps


class OperatorSteps(RefresherSteps):
    """Accounts come, go and are changed."""

    @initialize(specs=st.tuples(accounts, accounts, accounts))
    def start(self, specs: tuple[Account, ...]) -> None:
        for name, spec, secret in zip(NAMES, specs, SECRETS, strict=False):
            self.wanted[name] = (named(spec, name), secret)
        self.sync()
        for name in NAMES:
            self.refresh(name, 300)

    @rule(data=st.data(), rename=st.sampled_from((False, False, True)))
    def edit_the_file(self, data: st.DataObject, rename: bool) -> None:
        if rename:
            names = data.draw(st.sets(some_names, min_size=1))
            secrets = zip(NAMES, data.draw(st.permutations(SECRETS)), strict=False)
            self.wanted = {name: (self.members[name].written, secret) for name, secret in secrets if name in names}
        else:
            name = data.draw(st.sampled_from(sorted(self.wanted)))
            self.wanted[name] = (named(data.draw(accounts), name), self.wanted[name][1])
        self.sync()

    @rule(name=some_names, verb=st.sampled_from(("pause", "resume", "clear")))
    def intervene(self, name: str, verb: str) -> None:
        member = self.members[name]
        before = getattr(self.hands, verb)(name)
        assert before == (member.state if member.present else None)
        if member.present:
            getattr(member, verb)(self.now)

    @rule(name=some_names, data=st.data())
    def edit(self, name: str, data: st.DataObject) -> None:
        member = self.members[name]
        wanted = named(data.draw(accounts), name)
        edited = replace(wanted, kind=member.account.kind, proxy=member.account.proxy)
        assert self.hands.edit(name, lambda account: _limited_as(account, edited)) == member.present
        if member.present:
            member.account = edited
            member.written = edited if member.by_hand else member.written

    @rule(name=some_names, secret=st.sampled_from(SECRETS), spec=accounts)
    def enter(self, name: str, secret: str, spec: Account) -> None:
        account = named(spec, name)
        owner = next(
            (name for name, member in self.members.items() if member.present and member.secret == secret), None
        )
        outcome = self.hands.enter(ConfiguredAccount(account, secret))
        is_taken = outcome in {Entered.ADDED, Entered.REPLACED}
        assert self.hands.holder(secret) == (owner or (name if is_taken else None))
        there = self.members[name]
        if owner is not None:
            assert outcome is Entered.KNOWN
        elif there.present and there.by_hand and there.state is State.DEAD and there.account.kind is account.kind:
            assert outcome is Entered.REPLACED
            self._withdraw(name)
            self._configure(name, there.account, secret)
            there.by_hand = True
        elif there.present:
            assert outcome is Entered.TAKEN
        else:
            assert outcome is Entered.ADDED
            self._configure(name, account, secret)
            self.members[name].by_hand = True

    @rule(name=some_names, secret=st.sampled_from(SECRETS))
    def bring_back(self, name: str, secret: str) -> None:
        """One that stands in no file dies, and is given another credential."""
        member = self.members[name]
        if len(self.wanted) > 1 and name in self.wanted:
            del self.wanted[name]
            self.sync()
        self.enter(name, member.secret, member.account)
        record = self.pool.members.get(name)
        assert record is not None
        self._mark(record, State.DEAD)
        self.enter(name, secret, member.account)

    @rule()
    def change_keys(self) -> None:
        """All processes get another key, what is there is sealed with it, and the one before is wanted no more."""
        store, key = self.pool.store, new_key()
        store.vault = Vault([key, *self.keys])
        assert Resealing(store).rotate().left == 0
        store.vault = Vault([key])
        self.keys = [key]

    @rule(name=some_names)
    def delete(self, name: str) -> None:
        member = self.members[name]
        if not member.present:
            return  # what is left of it may be what the file has left
        outcome = self.hands.delete(name)
        assert outcome is (Deleted.DELETED if member.by_hand else Deleted.CONFIGURED)
        if member.by_hand:
            self._withdraw(name)
            member.begin_anew()

    def _withdraw(self, name: str) -> None:
        member = self.members[name]
        member.present = False
        self.kept[member.secret] = (name, member.version)

    def sync(self) -> None:
        wanted = self.wanted
        report = self.pool.members.sync([ConfiguredAccount(*entry) for entry in wanted.values()])
        assert report.deferred == ()
        filed = {name: member for name, member in self.members.items() if member.present and not member.by_hand}
        assert sorted(report.removed) == sorted(filed.keys() - wanted.keys())
        for name, member in filed.items():
            if name not in wanted or wanted[name][1] != member.secret:
                self._withdraw(name)
        for name, (account, secret) in wanted.items():
            for other, member in self.members.items():
                if member.present and member.by_hand and (other == name) != (member.secret == secret):
                    self._withdraw(other)
            self._configure(name, account, secret)

    def _configure(self, name: str, account: Account, secret: str) -> None:
        member = self.members.get(name)
        keeper = self.kept.pop(secret, None)
        fresh = member is None or member.secret != secret
        if member is None:
            member = self.members[name] = Member(account, secret)
        moved = member.account.kind is not account.kind
        if fresh or moved or (keeper is not None and keeper[0] != name):
            member.renew_credential(keeper[1] if keeper else 0)
            member.state = State.PAUSED if member.state is State.PAUSED and not fresh else State.NEW
        if member.written != account:
            member.account = member.written = account
        member.secret, member.present, member.by_hand = secret, True, False


def _limited_as(account: Account, other: Account) -> Account:
    return replace(other, kind=account.kind, proxy=account.proxy)
