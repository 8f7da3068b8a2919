"""A request's way through the pool, over a scripted upstream and a real Valkey."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace

import gevent
import pytest

from gateway.deadlines import Deadlines
from kimi import errors
from kimi.accounts import Account, Kind, State
from kimi.chat import Chat, Feature
from kimi.events import Batch, ChatOpened, Finish, Text, Thinking
from kimi.models import select
from kimi.pool import Store, connect
from tests.gateway.houses import CHAT, HELLO, House, MakeHouse, read, texts
from tests.gateway.scripted import ALIVE, SILENCE, ScriptedUpstream, Step, each_unseen, hang, wait_until
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.valkey import Valkey


def test_an_answer_comes_through_and_everything_is_given_back(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [HELLO]
    completion = house.start()
    events = read(completion)
    assert events == [Thinking("hm"), Text("Hel"), Text("lo"), Finish("stop")]
    assert (completion.account, completion.kind, completion.attempts) == ("a", Kind.KIMI, 1)
    house.settle()
    assert house.upstream.deleted == [("c1", "access-a-2")]
    assert house.upstream.asked[0][1] == "access-a-2"


def test_the_chat_goes_with_the_name_that_the_kind_understands(house: House) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-latest-preview",))
    house.upstream.scripts = [HELLO]
    house.ask("kimi-latest-preview")
    assert house.upstream.asked[0][2].model == "kimi-latest-preview"


@each_unseen
def test_a_failure_before_the_first_event_is_unseen(house: House, failure: errors.KimiError) -> None:
    house.pool.fill(web("bad", priority=1), web("good"))
    house.upstream.by_account = {"bad": [(ChatOpened("lost"), ALIVE, failure)], "good": [HELLO]}
    completion = house.start()
    assert texts(read(completion)) == "Hello"
    assert completion.account == "good"
    assert completion.failovers == [type(failure).__name__] * (completion.attempts - 1)
    house.settle()
    assert {chat for chat, _ in house.upstream.deleted} == {"lost", "c1"}


@pytest.mark.parametrize(
    "failure", [errors.ContentRefused(), errors.PromptTooLong(), errors.RequestInvalid(), errors.Crowded()]
)
def test_what_is_the_clients_affair_is_not_tried_elsewhere(house: House, failure: errors.KimiError) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [(failure,)]
    with pytest.raises(type(failure)):
        house.ask()
    assert len(house.upstream.asked) == 1
    house.settle()
    assert all(record.cool_until == 0 for record in house.pool.members.all())


def test_an_empty_answer_is_asked_again_of_the_only_account(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(ChatOpened("empty"), errors.BrokenAnswer("empty")), HELLO]
    assert texts(house.ask()) == "Hello"
    house.settle()
    assert {chat for chat, _ in house.upstream.deleted} == {"empty", "c1"}


def test_an_answer_that_is_always_empty_ends(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(errors.BrokenAnswer("empty"),)]
    with pytest.raises(errors.BrokenAnswer):
        house.ask()
    assert len(house.upstream.asked) == 2


def test_a_stream_that_runs_out_is_no_answer(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(Text("half"),)]
    completion = house.start()
    assert completion.next(5) == [Text("half")]
    with pytest.raises(errors.BrokenAnswer):
        completion.next(5)


def test_a_mistake_of_ours_does_not_leave_the_reader_waiting(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(ChatOpened("c1"), Text("half"), ZeroDivisionError("a bug"))]
    completion = house.start()
    assert completion.next(5) == [Text("half")]
    with pytest.raises(ZeroDivisionError):
        completion.next(5)
    house.settle()
    assert house.upstream.deleted == [("c1", "access-a-2")]


def test_after_the_first_event_nothing_is_tried_again(house: House) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [(Text("half"), errors.Overloaded("tired"))]
    completion = house.start()
    assert completion.next(5) == [Text("half")]
    with pytest.raises(errors.Overloaded):
        completion.next(5)
    house.settle()
    assert len(house.upstream.asked) == 1
    assert sum(record.cool_until > 0 for record in house.pool.members.all()) == 1


def test_a_rejected_token_is_reported_and_the_account_used_again_once_it_is_fresh(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=10)
    house.pool.fill(web("a"))

    house.upstream.scripts = [(errors.TokenRejected("401"),), HELLO]
    completion = house.start()
    wait_until(lambda: house.pool.due() == ["a"])
    house.pool.freshen("a")
    house.waiting.call_all()
    assert texts(read(completion)) == "Hello"
    assert [token for _, token, _ in house.upstream.asked] == ["access-a-2", "access-a-3"]


def test_a_token_that_is_rejected_twice_is_enough(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=10)
    house.pool.fill(web("a"))
    house.upstream.scripts = [(errors.TokenRejected("401"),)]
    completion = house.start()
    wait_until(lambda: house.pool.due() == ["a"])
    house.pool.freshen("a")
    house.waiting.call_all()
    with pytest.raises(errors.TokenRejected):
        read(completion)


def test_a_dead_key_is_set_aside_with_its_reason(house: House) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k3",))
    house.upstream.scripts = [(errors.AccountDead("incorrect_api_key_error"),)]
    with pytest.raises(errors.AccountDead):
        house.ask("kimi-k3")
    house.settle()
    record = house.pool.members.get("key")
    assert record is not None and record.state is State.DEAD and "incorrect_api_key_error" in record.reason


def test_what_the_upstream_says_of_waiting_is_kept(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(errors.RateLimited("wait", retry_after=7.0),)]
    before = house.pool.store.now()
    with pytest.raises(errors.RateLimited):
        house.ask()
    house.settle()
    with pytest.raises(errors.AllBusy) as caught:
        house.ask()
    assert caught.value.retry_after == pytest.approx(7, abs=house.pool.store.now() - before + 0.1)


def test_a_model_that_is_refused_is_not_asked_of_the_account_again(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(errors.ModelRefused("not in the plan"),), HELLO]
    with pytest.raises(errors.ModelRefused):
        house.ask("kimi-k3")
    house.settle()
    with pytest.raises(errors.NoAccount):
        house.ask("kimi-k3")
    assert texts(house.ask("kimi")) == "Hello"


def test_a_client_that_leaves_takes_nothing_along(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(ChatOpened("c1"), Text("half"), 60.0, Finish("stop"))]
    completion = house.start()
    assert completion.next(5) == [Text("half")]
    completion.close()
    completion.close()
    house.settle()
    assert house.upstream.closed == 1
    assert house.upstream.deleted == [("c1", "access-a-2")]


def test_a_client_that_leaves_at_the_moment_at_which_its_answer_begins_takes_nothing_along(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(ChatOpened("c1"), 60.0, Text("half"), Finish("stop"))]
    completion = house.start()
    wait_until(lambda: house.upstream.steps == 2)
    house.upstream.go_on.set()  # the greenlet that leads goes on before it hears of the end
    completion.close()
    house.settle()
    assert house.upstream.steps == 3
    assert house.upstream.deleted == [("c1", "access-a-2")]


def test_a_client_that_leaves_the_queue_leaves_no_place_behind(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=60)
    house.pool.fill(web("a"))
    lease = house.pool.leases.acquire(KIMI)
    completion = house.start()
    assert not completion.next(0.05)
    assert house.waiting.waiting == 1
    completion.close()
    house.pool.leases.release(lease)
    house.settle()
    assert house.waiting.waiting == 0


def test_silence_amid_an_answer_is_told_to_its_reader(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(Text("a"), SILENCE, Text("b"), Finish("stop"))]
    completion = house.start()
    assert [list(completion.next(5)) for _ in range(4)] == [[Text("a")], [], [Text("b")], [Finish("stop")]]
    house.settle()


def test_a_slow_reader_stops_the_upstream(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(*(Text(str(i)) for i in range(2000)), Finish("stop"))]
    completion = house.start()
    assert completion.next(5) == [Text("0")]
    assert (house.upstream.steps, house.upstream.running) == (1, 1)
    assert len(read(completion)) == 2000


@pytest.mark.parametrize(
    ("script", "limits", "words"),
    [
        ((9.0, *HELLO), Deadlines(first_byte=0.05), "nothing came"),
        ((ChatOpened("c1"), 9.0, *HELLO), Deadlines(first_byte=0.05), "nothing came"),
        ((ALIVE, 9.0, *HELLO), Deadlines(idle=0.05), "nothing came"),
        ((ALIVE, *[SILENCE, 0.03] * 20, *HELLO), Deadlines(idle=0.1), "nothing came"),
        ((*[ALIVE, 0.03] * 20, *HELLO), Deadlines(idle=0.2, total=0.1), "took longer than 0.1 s"),
    ],
)
def test_an_upstream_that_takes_too_long_is_given_up(
    make_house: MakeHouse, script: tuple[Step, ...], limits: Deadlines, words: str
) -> None:
    house = make_house(limits=limits)
    house.pool.fill(web("a"))
    house.upstream.scripts = [script]
    with pytest.raises(errors.UpstreamTimeout, match=words):
        house.ask()


class Stubborn(ScriptedUpstream):
    """Asks for something first that it can do without, as for what is left of an account's researches."""

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]:
        with suppress(errors.UpstreamTimeout):
            hang()
        yield from super().stream(chat, account, token)


@pytest.mark.parametrize(
    ("script", "limits", "words"),
    [
        ((9.0, *HELLO), Deadlines(first_byte=0.05), "nothing came"),
        ((*[ALIVE, 0.03] * 20, *HELLO), Deadlines(first_byte=0.05, idle=0.2, total=0.15), "took longer than 0.15 s"),
    ],
)
def test_an_upstream_that_does_without_what_came_too_late_is_watched_on(
    make_house: MakeHouse, script: tuple[Step, ...], limits: Deadlines, words: str
) -> None:
    house = make_house(limits=limits, upstream=Stubborn([script]))
    house.pool.fill(web("a"))
    with pytest.raises(errors.UpstreamTimeout, match=words):
        house.ask()


def test_research_may_be_silent_for_longer(make_house: MakeHouse) -> None:
    limits = Deadlines(idle=0.05, total=0.05, research_idle=5, research_total=0.2)
    research = replace(CHAT, features=frozenset({Feature.RESEARCH}))

    assert limits.of(CHAT) is limits
    assert limits.of(research) == replace(limits, idle=5, total=0.2)
    assert replace(limits, idle=9).of(research).idle == 9
    house = make_house(limits=limits)
    house.pool.fill(Account(name="a", kind=Kind.CLASSIC))
    house.upstream.scripts = [(ALIVE, 9.0, *HELLO)]
    with pytest.raises(errors.UpstreamTimeout, match=r"took longer than 0\.2 s"):
        house.ask("kimi-research")


@pytest.mark.parametrize("before", [(), (SILENCE,)], ids=["piece", "heartbeat"])
def test_a_client_that_takes_too_long_is_no_fault_of_the_upstreams(
    make_house: MakeHouse, before: tuple[Step, ...]
) -> None:
    house = make_house(limits=Deadlines(idle=0.02, total=0.1))
    house.pool.fill(web("a"))
    house.upstream.scripts = [(Text("0"), *before, *(Text(str(i)) for i in range(2000)), Finish("stop"))]
    completion = house.start()
    assert completion.next(5) == [Text("0")]
    for _ in before:
        assert not completion.next(5)
    with pytest.raises(errors.AnswerUnread):
        hang()  # as it does while its client takes nothing
    completion.close()
    house.settle()
    assert all(record.cool_until == 0 for record in house.pool.members.all())


def test_from_its_first_piece_on_an_answer_is_read_by_whoever_asked(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [HELLO]
    completion = house.start()
    greenlets: list[object] = []
    house.upstream.on_step = lambda: greenlets.append(gevent.getcurrent())
    leader = completion.leader
    read(completion)
    assert greenlets == [leader] * 3 + [gevent.getcurrent()] * 3
    assert leader.dead and completion.leader is None


def test_a_store_that_is_gone_costs_no_answer_that_has_begun(own_valkey: Valkey) -> None:
    with connect(own_valkey.url) as redis:
        doomed = House(Pool(Store(redis), Clock(Store(redis).now())))
        doomed.pool.fill(web("a"))
        doomed.upstream.scripts = [(Text("Hel"), 60.0, Text("lo"), Finish("stop"))]
        completion = doomed.start()
        assert completion.next(5) == [Text("Hel")]
        own_valkey.kill()
        doomed.upstream.go_on.set()
        assert texts(read(completion)) == "lo"
        assert doomed.completions.join(5) and doomed.reactions.join(5)
        with pytest.raises(errors.StoreUnavailable):
            read(doomed.completions.start(select("kimi", ()), CHAT))
