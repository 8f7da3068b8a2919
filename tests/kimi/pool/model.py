"""What ought to become of one account, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field

from kimi.accounts import Account, State


@dataclass
class Member:
    """What the pool ought to know of one account."""

    account: Account
    secret: str
    present: bool = True
    by_hand: bool = False  # it stands in no file
    written: Account = field(init=False)  # what the operator wrote of it, before any edit
    version: int = 0
    state: State = State.NEW
    access: str = ""
    expires: float = 0.0
    rejected: bool = False
    cool_until: float = 0.0
    strikes: int = 0
    struck: float = 0.0
    strike_kind: str = ""
    probe: str = ""  # the lease that was granted last while there were strikes
    rate_until: float = 0.0
    recent: list[float] = field(default_factory=list)
    refused: dict[str, float] = field(default_factory=dict)
    leases: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.written = self.account

    def pause(self, _now: float) -> None:
        if self.in_service:
            self.state = State.PAUSED

    def resume(self, _now: float) -> None:
        if self.state is State.PAUSED:
            self.state = State.ACTIVE if self.access else State.NEW

    def clear(self, now: float) -> None:
        self.cool_until = self.rate_until = 0.0
        self.strikes, self.strike_kind, self.struck = 0, "", now
        self.recent.clear()
        self.refused.clear()
        if self.state in (State.DEAD, State.BANNED):
            self.state, self.access, self.expires, self.rejected = State.NEW, "", 0.0, False

    def begin_anew(self) -> None:
        """It was deleted: nothing but its credential is left."""
        self.written = self.account  # whatever is written next counts
        self.state = State.NEW
        self.cool_until = self.rate_until = self.struck = 0.0
        self.strikes, self.strike_kind = 0, ""
        self.recent.clear()
        self.refused.clear()

    def renew_credential(self, version: int = 0) -> None:
        """The token that it has now had `version` elsewhere."""
        self.version = max(self.version + 1, version)
        self.access, self.expires, self.rejected = "", 0.0, False
        self.cool_until = self.rate_until = self.struck = 0.0
        self.strikes, self.strike_kind = 0, ""
        self.refused.clear()

    def strike(self, kind: str, seconds: float, now: float, granted: float) -> None:
        """A failure, which counts unless it happened beside one that is known already."""
        if granted > self.struck:
            self.strikes = self.strikes + 1 if kind == self.strike_kind else 1
            self.strike_kind, self.struck, self.probe = kind, now, ""
            self.cool_until = max(self.cool_until, now + min(seconds * 2 ** (self.strikes - 1), 60.0))

    def serve(self, granted: float) -> None:
        if granted > self.struck:
            self.strikes, self.strike_kind = 0, ""

    @property
    def limit(self) -> int:
        """One more than there are, and no second one at the same time, until that was served."""
        if not self.strikes:
            return self.account.max_concurrency
        return min(self.account.max_concurrency, len(self.leases) + (self.probe not in self.leases))

    @property
    def in_service(self) -> bool:
        return self.present and self.state in (State.NEW, State.ACTIVE)

    def has_token(self, now: float) -> bool:
        return self.in_service and bool(self.access) and not self.rejected and self.expires > now

    def rests_until(self) -> float:
        return max(self.cool_until, self.rate_until)

    def is_free(self, now: float) -> bool:
        return (
            self.has_token(now)
            and self.rests_until() <= now
            and len(self.leases) < self.limit
        )  # fmt: skip
