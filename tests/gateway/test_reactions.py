"""What each failure does to the account that met it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import gevent
import pytest
from gevent.event import Event as Flag
from structlog.testing import capture_logs

from gateway.reactions import ALLOWANCE_SECONDS, CANCEL_SECONDS, Outcome, Reactions
from gateway.shield import Shieldable
from kimi import errors
from kimi.accounts import Account, Kind, State
from kimi.errors import KimiError, StoreUnavailable
from kimi.pool import Bookmark, Conversation, Lease, Released, Rest
from kimi.pool.chats import StandingChat
from kimi.reactions import NOTHING, TABLE, Reaction
from tests.gateway.scripted import ScriptedUpstream, hang
from tests.kimi.pool.pools import web

LEASE = Lease("w.1", web("alice"), "token", 7, 0.0)
BOOKMARK = Bookmark("k", Conversation(StandingChat("c1", "alice"), "m1"), 60.0, 70.0)


def family(kind: type[KimiError]) -> Iterator[type[KimiError]]:
    for child in kind.__subclasses__():
        yield child
        yield from family(child)


@dataclass
class Desk:
    """Takes accounts back and notes in which state."""

    rests: float = 12.0
    down: bool = False
    released: list[tuple[Rest | None, bool]] = field(default_factory=list)
    kept: list[Bookmark | None] = field(default_factory=list)
    rejected: list[Lease] = field(default_factory=list)
    proved: list[Lease] = field(default_factory=list)
    marked: list[tuple[str, int, State, str]] = field(default_factory=list)

    def release(
        self, lease: Lease, *, rest: Rest | None = None, served: bool = False, keep: Bookmark | None = None
    ) -> Released:
        assert lease.id.startswith("w.")
        self.released.append((rest, served))
        self.kept.append(keep)
        if self.down:
            raise StoreUnavailable("down")
        return Released(self.rests if rest else 0.0, kept=keep is not None)

    def reject(self, lease: Lease) -> bool:
        assert not self.released
        self.rejected.append(lease)
        if self.down:
            raise StoreUnavailable("down")
        return True

    def prove(self, lease: Lease) -> None:
        self.proved.append(lease)
        if self.down:
            raise StoreUnavailable("down")

    def mark(self, name: str, version: int, state: State, reason: str) -> bool:
        self.marked.append((name, version, state, reason))
        return True


@dataclass
class Knowing(ScriptedUpstream):
    """An upstream that knows when a plan begins anew."""

    allowance: float | KimiError | None = None
    slow: bool = False

    def resets_in(self, account: Account, token: str) -> float | None:
        assert (account.name, token) == ("alice", "token")
        if self.slow:
            hang()
        if isinstance(self.allowance, KimiError):
            raise self.allowance
        return self.allowance


@dataclass
class Scene:
    desk: Desk = field(default_factory=Desk)
    upstream: ScriptedUpstream = field(default_factory=ScriptedUpstream)

    def __post_init__(self) -> None:
        self.reactions = Reactions(self.desk, self.desk, {Kind.KIMI: self.upstream}, random.Random(1))

    def end(self, error: KimiError | None, **fields: object) -> Rest | None:
        """Gives the account back after `error`; how it rests."""
        outcome = Outcome(model="kimi", error=error, **fields)  # type: ignore[arg-type]
        self.reactions.give_back(LEASE, outcome).wait(10)
        assert self.reactions.join(5)
        return self.desk.released[-1][0]


def test_every_error_has_exactly_one_reaction() -> None:
    assert set(TABLE) == set(family(KimiError))


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_only_failures_of_accounts_do_something_to_accounts(kind: type[KimiError]) -> None:
    assert issubclass(kind, errors.AccountError) or TABLE[kind] is NOTHING


@pytest.mark.parametrize(
    ("error", "first", "most", "factor"),
    [
        (errors.AccountBusy("x"), 5, 30, 2),
        (errors.Overloaded("x"), 5, 60, 2),
        (errors.RateLimited("x"), 20, 300, 2),
        (errors.QuotaSpent("x"), 600, 21600, 3),
        (errors.FeatureSpent("x"), 3600, 21600, 2),
        (errors.ModelRefused("x"), 3600, 7200, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_long_an_account_rests(error: KimiError, first: float, most: float, factor: float) -> None:
    rest = Scene().end(error)
    assert rest is not None
    assert (rest.kind, rest.because, rest.told, rest.factor) == (
        type(error).__name__,
        f"{type(error).__name__}: x",
        None,
        factor,
    )
    assert first <= rest.first <= 1.25 * first
    assert 0.8 * most <= rest.most <= most
    assert rest.model == ("kimi" if isinstance(error, errors.ModelRefused | errors.FeatureSpent) else "")


@pytest.mark.parametrize("down", [False, True])
def test_only_of_a_probe_the_pool_is_told_that_it_is_answered(*, down: bool) -> None:
    scene, probe = Scene(Desk(down=down)), replace(LEASE, is_probe=True)
    scene.reactions.answered(LEASE)
    scene.reactions.answered(probe)
    assert scene.reactions.join(5)
    assert scene.desk.proved == [probe]


def test_accounts_that_fail_together_do_not_come_back_together() -> None:
    scene = Scene()
    rests = [scene.end(errors.Overloaded()) for _ in range(9)]
    assert len({rest.first for rest in rests if rest}) == 9


@pytest.mark.parametrize(("said", "told"), [(7.5, 7.5), (0.0, 1.0), (1e9, 86_400.0), (86_399.0, 86_399.0)])
def test_what_the_upstream_says_of_waiting_is_obeyed_within_a_day(said: float, told: float) -> None:
    rest = Scene().end(errors.RateLimited(retry_after=said))
    assert rest is not None and rest.told == told


def test_a_limit_of_an_organisation_is_told_as_such() -> None:
    rest = Scene().end(errors.RateLimited(organisation="abc"))
    assert rest is not None and rest.organisation == "abc"


def test_no_host_can_speak_for_the_organisations_of_others() -> None:
    def known_as(host: str) -> str:
        limited, account = errors.RateLimited(organisation="abc"), replace(web("alice"), base_url=host or None)
        rest = TABLE[errors.RateLimited].rest(limited, account, "kimi", None, random.Random(1))
        assert rest is not None
        return rest.organisation

    assert known_as("") == "abc"
    assert known_as("https://a.example") == known_as("https://a.example")
    assert len({known_as(""), known_as("https://a.example"), known_as("https://b.example")}) == 3


def test_an_account_is_given_back_although_nothing_more_can_be_told_of_it() -> None:
    scene = Scene(Desk(down=True))
    assert scene.end(errors.TokenRejected("401")) is None
    assert (scene.desk.rejected, scene.desk.released) == ([LEASE], [(None, False)])


@pytest.mark.parametrize("error", [None, errors.Unreachable(), errors.ContentRefused(), errors.BrokenAnswer()])
def test_what_is_not_the_accounts_leaves_it_as_it_is(error: KimiError | None) -> None:
    scene = Scene()
    assert scene.end(error) is None
    assert scene.desk.released == [(None, False)]
    assert (scene.desk.rejected, scene.desk.marked) == ([], [])


def test_an_answer_ends_a_row_of_failures() -> None:
    scene = Scene()
    scene.end(None, served=True)
    assert scene.desk.released == [(None, True)]


def test_an_answer_that_failed_half_way_does_not() -> None:
    scene = Scene()
    scene.end(errors.Overloaded(), served=True)
    assert [served for _, served in scene.desk.released] == [False]


def test_a_rejected_token_is_reported_before_the_account_is_free() -> None:
    scene = Scene()
    assert scene.end(errors.TokenRejected()) is None
    assert scene.desk.rejected == [LEASE]


@pytest.mark.parametrize(
    ("error", "state"), [(errors.AccountDead("x"), State.DEAD), (errors.AccountBanned("x"), State.BANNED)]
)
def test_an_account_that_nobody_but_the_operator_can_help(error: KimiError, state: State) -> None:
    scene = Scene()
    with capture_logs() as lines:
        assert scene.end(error) is None
    assert scene.desk.marked == [("alice", 7, state, f"{type(error).__name__}: x")]
    (line,) = lines
    assert line == {
        "event": "an account is out of service",
        "log_level": "error",
        "account": "alice",
        "state": state.value,
        "reason": f"{type(error).__name__}: x",
    }


def test_the_caller_is_told_how_long_it_rests() -> None:
    reactions = Scene().reactions
    assert reactions.give_back(LEASE, Outcome(model="kimi", error=errors.Overloaded())).get(timeout=5) == 12.0
    assert reactions.give_back(LEASE, Outcome(model="kimi")).get(timeout=5) == 0.0


@dataclass
class Left:
    """A conversation to be kept, and whether it was."""

    closed: list[bool] = field(default_factory=list)

    def bookmark(self) -> Bookmark:
        assert not self.closed
        return BOOKMARK

    def close(self, *, kept: bool = False) -> None:
        self.closed.append(kept)


@pytest.mark.parametrize("error", [None, errors.Overloaded()])
def test_a_conversation_is_kept_in_the_step_that_gives_the_account_back(error: KimiError | None) -> None:
    scene, left = Scene(), Left()
    scene.reactions.give_back(LEASE, Outcome(model="kimi", error=error), left).get(timeout=5)
    assert scene.desk.kept == [BOOKMARK] and left.closed == [True]


def test_a_pool_that_is_gone_is_told_in_the_log() -> None:
    scene, left = Scene(Desk(down=True)), Left()
    with capture_logs() as lines:
        done = scene.reactions.give_back(LEASE, Outcome(model="kimi"), left)
        assert done.get(timeout=5) == 0.0
    (line,) = lines
    assert line["event"] == "an account could not be given back, its lease expires"
    assert (line["account"], line["reason"]) == ("alice", "down")
    assert scene.reactions.join(5)
    assert left.closed == [False]


class TestASpentPlan:
    @pytest.mark.parametrize(
        ("allowance", "told"), [(5000.0, 5000.0), (None, None), (errors.Unreachable("x"), None), (9e9, 86_400.0)]
    )
    def test_its_upstream_is_asked_when_it_begins_anew(
        self, allowance: float | KimiError | None, told: float | None
    ) -> None:
        rest = Scene(upstream=Knowing(allowance=allowance)).end(errors.QuotaSpent())
        assert rest is not None and rest.told == told

    def test_what_came_with_the_error_goes_before(self) -> None:
        rest = Scene(upstream=Knowing(allowance=5000.0)).end(errors.QuotaSpent(retry_after=60))
        assert rest is not None and rest.told == 60

    def test_nothing_else_asks_for_it(self) -> None:
        rest = Scene(upstream=Knowing(allowance=5000.0)).end(errors.RateLimited())
        assert rest is not None and rest.told is None

    def test_an_upstream_that_does_not_say_is_not_waited_for(self) -> None:
        with gevent.Timeout(ALLOWANCE_SECONDS + 2):
            rest = Scene(upstream=Knowing(slow=True)).end(errors.QuotaSpent())
        assert rest is not None and rest.told is None


BEGUN: Final = {"chat_id": "c1", "segment_id": "s1"}


class TestAnAnswerThatNobodyReads:
    @pytest.mark.parametrize("error", [None, errors.UpstreamTimeout(), errors.BrokenAnswer()])
    def test_it_is_stopped_before_the_account_is_free(self, error: KimiError | None) -> None:
        scene = Scene()
        scene.upstream.on_cancel = lambda: scene.desk.released.append((None, True))
        scene.end(error, **BEGUN)
        assert scene.upstream.cancelled == [("c1", "s1", "token")]
        assert scene.desk.released == [(None, True), (None, False)]

    @pytest.mark.parametrize(
        ("error", "fields"),
        [
            (None, {**BEGUN, "finished": True, "served": True}),
            (errors.Overloaded(), BEGUN),
            (errors.ContentRefused(), BEGUN),
            (None, {"chat_id": "c1"}),
        ],
    )
    def test_what_has_ended_or_not_begun_is_not(self, error: KimiError | None, fields: dict[str, object]) -> None:
        scene = Scene()
        scene.end(error, **fields)
        assert scene.upstream.cancelled == []

    def test_an_upstream_that_cannot_is_not_asked(self) -> None:
        class Plain:
            stream = ScriptedUpstream().stream

        desk = Desk()
        reactions = Reactions(desk, desk, {Kind.KIMI: Plain()}, random.Random(1))
        reactions.give_back(LEASE, Outcome(model="kimi", chat_id="c1", segment_id="s1")).get(timeout=5)
        assert desk.released == [(None, False)]

    def test_trouble_with_it_is_no_trouble(self) -> None:
        scene = Scene()

        def fail() -> None:
            raise errors.Unreachable("gone")

        scene.upstream.on_cancel = fail
        with capture_logs() as lines:
            scene.end(None, **BEGUN)
        assert scene.desk.released == [(None, False)]
        assert [(line["log_level"], line["reason"]) for line in lines] == [("debug", "gone")]

    def test_it_takes_no_longer_than_a_client_that_left_may_hold_an_account(self) -> None:
        scene = Scene()
        scene.upstream.on_cancel = hang
        with gevent.Timeout(1.0):
            scene.end(None, **BEGUN)
        assert CANCEL_SECONDS < 1
        assert scene.desk.released == [(None, False)]


def test_a_reaction_without_a_time_is_no_rest() -> None:
    assert Reaction(refresh=True).rest(errors.TokenRejected(), web("alice"), "kimi", 5.0, random.Random(1)) is None


def test_a_client_who_leaves_while_his_account_is_given_back_stops_nothing() -> None:
    go_on = Flag()

    class Slow(Desk):
        def release(self, lease: Lease, **options: Any) -> Released:
            go_on.wait()
            return super().release(lease, **options)

    scene, left = Scene(Slow()), Left()
    caller = Shieldable.spawn(scene.reactions.give_back, LEASE, Outcome(model="kimi", served=True), left)
    gevent.idle()
    caller.kill(block=False)
    gevent.idle()
    go_on.set()
    caller.join(5)
    assert isinstance(caller.value, gevent.GreenletExit)
    assert scene.desk.released == [(None, True)] and left.closed == [True]
