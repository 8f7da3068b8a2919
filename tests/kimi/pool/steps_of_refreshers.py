"""What refreshers do to a pool, in time and too late."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kimi.accounts import Record, State, Tokens
from tests.kimi.pool.steps import Steps, some_names

lifetimes = st.sampled_from((20, 90, 300, 900))


class RefresherSteps(Steps):
    """Tokens come, accounts die."""

    @rule(name=some_names, lifetime=lifetimes)
    def refresh(self, name: str, lifetime: float) -> None:
        record = self.pool.members.get(name)
        assert record is not None
        self.records.append((record, self.members[name].secret))
        self._save(record, self.members[name].secret, lifetime)

    @rule(data=st.data(), seconds=lifetimes, ending=st.sampled_from(("save", "postpone", State.DEAD, State.PAUSED)))
    def refresh_late(self, data: st.DataObject, seconds: float, ending: str) -> None:
        """The end of a refresh that was begun at any time before."""
        record, secret = data.draw(st.sampled_from(self.records[-4:]))
        if ending == "save":
            self._save(record, secret, seconds)
        elif ending == "postpone":
            member = self.members[record.account.name]
            assert self.pool.tokens.postpone(record, self.now + seconds, 1) == (record.version == member.version)
        else:
            self._mark(record, State(ending))

    def _mark(self, record: Record, state: State) -> None:
        member = self.members[record.account.name]
        changed = self.pool.members.mark(record.account.name, record.version, state, "why")
        assert changed == (record.version == member.version and member.state is not state)
        if changed:
            member.state = state

    def _save(self, record: Record, secret: str, lifetime: float) -> None:
        name, member = record.account.name, self.members[record.account.name]
        self.count += 1
        tokens = Tokens(f"access-{self.count}", f"refresh-{self.count}")
        saved = self.pool.tokens.save(
            record, tokens, issued=self.now, expires=self.now + lifetime, next_due=self.now + lifetime / 2
        )
        assert saved == (record.version == member.version)
        kept = self.kept.get(secret) == (name, record.version)
        if kept:
            self.kept[secret] = (name, record.version + 1)
        if kept or (saved and member.present):
            self.latest[secret] = tokens.refresh
        if saved:
            member.version += 1
            member.access, member.expires, member.rejected = tokens.access, self.now + lifetime, False
            member.state = State.PAUSED if member.state is State.PAUSED else State.ACTIVE
