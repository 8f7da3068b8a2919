"""How long other accounts are tried, which are not, and what is told when none is left."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from gateway.breaker import SHORTEST
from gateway.completion import ATTEMPTS, FAILOVER_SECONDS, UPSTREAM_FAILURES
from gateway.drain import Drain
from gateway.journal import Entry
from gateway.peer import UnknownPeer
from gateway.run import Run
from gateway.strays import FAILURES as STRIKES
from gateway.streaming import StreamBody
from gateway.surfaces.chat_completions import ChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi import errors
from kimi.events import ChatOpened, Finish, Text
from kimi.pool import Rest
from tests.gateway.houses import CHAT, HELLO, House, MakeHouse, read, texts
from tests.gateway.scripted import each_unseen, wait_until
from tests.kimi.pool.pools import KIMI, web, wish

TEN = tuple(web(f"a{number}") for number in range(10))
BUSY = (errors.AccountBusy("another stream"),)
DOWN = (errors.Unreachable("refused"),)


def asked(house: House) -> list[str]:
    return [name for name, _, _ in house.upstream.asked]


@each_unseen
def test_one_healthy_account_of_ten_is_enough(house: House, failure: errors.KimiError) -> None:
    house.pool.fill(*TEN, web("healthy", priority=-1))
    house.upstream.by_account = {account.name: [(ChatOpened("lost"), failure)] for account in TEN}
    house.upstream.scripts = [HELLO]
    completion = house.start()
    assert texts(read(completion)) == "Hello"
    assert completion.account == "healthy"
    assert set(asked(house)) == {account.name for account in TEN} | {"healthy"}
    house.settle()


def test_when_the_time_is_up_three_attempts_are_made_all_the_same(house: House) -> None:
    house.pool.fill(*TEN)
    house.upstream.scripts = [BUSY]
    house.upstream.on_ask = lambda: house.monotonic.advance(FAILOVER_SECONDS)
    with pytest.raises(errors.AccountBusy):
        house.ask()
    assert len(set(asked(house))) == ATTEMPTS == 3


def test_no_further_account_is_tried_when_the_time_is_up(house: House) -> None:
    house.pool.fill(*TEN)
    house.upstream.scripts = [BUSY]
    house.upstream.on_ask = lambda: house.monotonic.advance(FAILOVER_SECONDS / 5)
    with pytest.raises(errors.AccountBusy):
        house.ask()
    assert len(asked(house)) == 5


def test_a_request_that_nobody_can_answer_does_not_go_through_the_whole_pool(house: House) -> None:
    house.pool.fill(*(web(f"a{number}") for number in range(2 * UPSTREAM_FAILURES)))
    house.upstream.scripts = [(errors.BrokenAnswer("empty"),)]
    with pytest.raises(errors.BrokenAnswer):
        house.ask()
    assert len(asked(house)) == UPSTREAM_FAILURES


def test_with_nobody_left_the_failure_is_told(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [DOWN]
    with pytest.raises(errors.Unreachable):
        house.ask()
    assert asked(house) == ["a"]


def test_with_all_busy_the_first_to_be_free_says_when_to_come_back(house: House) -> None:
    house.pool.fill(*TEN[:3])
    house.upstream.by_account = {
        "a0": [(errors.RateLimited("wait", retry_after=30.0),)],
        "a1": [(errors.RateLimited("wait", retry_after=11.0),)],
        "a2": [DOWN],
    }
    with pytest.raises(errors.RateLimited) as caught:
        house.ask()
    assert caught.value.retry_after == 11.0


def test_how_long_an_account_rests_is_told_where_the_upstream_does_not_say(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(errors.Overloaded("tired"),)]
    with pytest.raises(errors.Overloaded) as caught:
        house.ask()
    assert caught.value.retry_after is not None and 5 <= caught.value.retry_after <= 6.25


def test_an_account_that_is_merely_in_use_is_waited_for(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=10)
    house.pool.fill(web("used"), web("bad", priority=-1))
    used = house.pool.leases.acquire(KIMI)
    house.upstream.by_account = {"bad": [BUSY], "used": [HELLO]}
    completion = house.start()
    wait_until(lambda: house.waiting.waiting == 1)
    assert asked(house) == ["bad"]
    house.pool.leases.release(used)
    house.waiting.call_all()
    assert texts(read(completion)) == "Hello"


def test_after_a_failure_others_are_served_as_soon_as_one_is_answered(make_house: MakeHouse) -> None:
    house = make_house(turned=True)
    house.pool.fill(web("a", max_concurrency=3))
    house.pool.clock.now += 1
    house.upstream.scripts = [(errors.Overloaded("tired"),), (Text("long"), 60.0, Finish("stop")), HELLO]
    with pytest.raises(errors.Overloaded):
        house.ask()
    house.pool.clock.now += 60
    probe = house.start()
    assert probe.next(5) == [Text("long")]
    assert house.reactions.join(5)
    assert texts(house.ask()) == "Hello"
    house.upstream.go_on.set()
    assert read(probe)[-1] == Finish("stop")
    house.settle()


def test_an_account_on_which_another_stream_still_ran_is_waited_for(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=10, turned=True)
    house.pool.fill(web("a"))
    house.upstream.by_account = {"a": [BUSY, HELLO]}
    completion = house.start()
    wait_until(lambda: house.waiting.waiting == 1)
    assert asked(house) == ["a"]
    house.pool.clock.now += 7
    house.pool.leases.look(["kimi"])  # as the waiting room does when its rest is over
    house.waiting.call_all()
    assert texts(read(completion)) == "Hello"
    assert asked(house) == ["a", "a"]


def test_a_request_waits_no_longer_for_a_second_account_than_is_left_of_its_time(make_house: MakeHouse) -> None:
    house = make_house(queue_seconds=60)
    house.pool.fill(web("bad"), web("used", priority=-1))
    leases = [house.pool.leases.acquire(KIMI) for _ in range(2)]
    house.upstream.by_account = {"bad": [BUSY]}
    completion = house.start()
    wait_until(lambda: house.waiting.waiting == 1)
    house.monotonic.advance(59.9)
    house.pool.leases.release(leases[0])
    house.waiting.call_all()
    with pytest.raises(errors.AllBusy):
        read(completion)
    assert asked(house) == ["bad"]


def test_an_account_whose_answers_always_break_off_rests_while_others_answer(house: House) -> None:
    house.pool.fill(web("bad"), web("good"))
    house.upstream.by_account = {"bad": [(Text("half"), *DOWN)], "good": [HELLO]}
    for _ in range(12):
        with suppress(errors.Unreachable):
            house.ask()
        house.settle()
    record = house.pool.members.get("bad")
    assert record is not None and record.cool_until > house.pool.clock.now
    assert asked(house).count("bad") == STRIKES


class TestAnUpstreamThatFails:
    """Its line is left alone; `there` is on it, `elsewhere` is not."""

    THERE = web("there", priority=5)
    ELSEWHERE = web("elsewhere", proxy="http://proxy")

    def trip(self, house: House) -> None:
        for _ in range(5):
            house.breaker.ended(self.THERE, "w.0", errors.Unreachable("refused"))
            house.monotonic.advance(1)
        assert house.breaker.tripped() == {self.THERE.line}

    def test_accounts_elsewhere_are_used(self, house: House) -> None:
        house.pool.fill(self.THERE, self.ELSEWHERE)
        self.trip(house)
        house.upstream.scripts = [HELLO]
        assert texts(house.ask()) == "Hello"
        assert asked(house) == ["elsewhere"]

    def test_without_any_the_error_comes_at_once_and_says_when(self, house: House) -> None:
        house.pool.fill(self.THERE)
        self.trip(house)
        with pytest.raises(errors.UpstreamDown) as caught:
            house.ask()
        assert caught.value.retry_after == SHORTEST - 1
        assert asked(house) == []

    def test_after_the_pause_one_request_tries_it_and_all_may_come_back(self, house: House) -> None:
        house.pool.fill(self.THERE, web("second", priority=4), self.ELSEWHERE)
        self.trip(house)
        house.monotonic.advance(5)
        house.upstream.scripts = [(0.2, *HELLO)]
        probe = house.start()
        wait_until(lambda: asked(house) == ["there"])
        other = house.start()
        assert texts(read(other)) == texts(read(probe)) == "Hello"
        assert other.account == "elsewhere"
        house.settle()
        assert texts(house.ask()) == "Hello"
        assert asked(house)[-1] == "there"

    def test_others_wait_for_what_a_probe_finds_out_beside_a_line_that_nobody_can_try(self, house: House) -> None:
        elsewhere = web("elsewhere", proxy="http://127.0.0.1:1")
        house.pool.fill(self.THERE, web("second", priority=4), elsewhere)
        self.trip(house)
        for _ in range(5):
            house.breaker.ended(elsewhere, "w.0", DOWN[0])
            house.monotonic.advance(1)
        dead = house.pool.leases.acquire(wish(only="elsewhere"))
        house.pool.leases.release(dead, rest=Rest("QuotaSpent", "spent", 600.0, 600.0))
        house.monotonic.advance(5)
        house.upstream.scripts = [(0.2, *HELLO), HELLO]
        probe = house.start()
        wait_until(lambda: asked(house) == ["there"])
        other = house.start()
        assert texts(read(other)) == texts(read(probe)) == "Hello"
        assert other.account == "second"

    def test_a_client_that_leaves_a_probe_leaves_it_to_the_next(self, house: House) -> None:
        house.pool.fill(self.THERE)
        self.trip(house)
        house.monotonic.advance(5)
        house.upstream.scripts = [(60.0,), HELLO]
        probe = house.start()
        wait_until(lambda: asked(house) == ["there"])
        probe.close()
        house.settle()
        assert texts(house.ask()) == "Hello"

    def test_a_request_that_is_under_way_is_not_stopped(self, house: House) -> None:
        house.pool.fill(*(web(f"a{number}", priority=1) for number in range(8)), web("healthy"))
        house.upstream.by_account = {f"a{number}": [DOWN] for number in range(8)}
        house.upstream.scripts = [HELLO]
        house.upstream.on_ask = lambda: house.monotonic.advance(1)
        assert texts(house.ask()) == "Hello"
        assert len(asked(house)) == 9
        assert house.breaker.tripped() == frozenset()

    def test_a_request_that_began_to_wait_before_asks_nobody_there(self, make_house: MakeHouse) -> None:
        house = make_house(queue_seconds=10)
        house.pool.fill(self.THERE)
        lease = house.pool.leases.acquire(KIMI)
        completion = house.start()
        wait_until(lambda: house.waiting.waiting == 1)
        self.trip(house)
        house.pool.leases.release(lease)
        house.waiting.call_all()
        with pytest.raises(errors.UpstreamDown):
            read(completion)
        assert asked(house) == []
        house.settle()


def test_headers_go_out_while_others_are_still_tried(house: House) -> None:
    house.pool.fill(web("silent", priority=1), web("good"))
    house.upstream.by_account = {
        "silent": [(ChatOpened("c0"), 0.3, errors.UpstreamTimeout("silence"))],
        "good": [HELLO],
    }
    completion = house.start()
    entry = Entry(request_id="r", method="POST", route="/", started=time.monotonic())
    stream = ChatStream(Identity(id="c", created=1, model="kimi"), Tally(CHAT.messages), include_usage=False)
    run = Run(completion, entry, peer=UnknownPeer(), drain=Drain(30), monotonic=time.monotonic)
    body = StreamBody(run, stream, heartbeat=10, monotonic=time.monotonic, on_close=lambda: None)
    wait_until(lambda: completion.account == "silent")
    body.begin(0.05)
    assert (completion.account, completion.failovers) == ("silent", [])
    first, *rest = body
    body.close()
    assert first == stream.heartbeat()
    assert b"Hel" in b"".join(rest) and b"error" not in b"".join(rest)
    assert b"".join(rest).endswith(b"data: [DONE]\n\n")
    assert (entry.account, entry.failovers, entry.outcome) == ("good", ("UpstreamTimeout",), "ok")
    house.settle()


@pytest.mark.parametrize(
    "failure", [errors.Overloaded("tired"), errors.TokenRejected("401"), errors.BrokenAnswer("cut")]
)
def test_after_the_first_piece_nothing_is_tried_again(house: House, failure: errors.KimiError) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [(Text("half"), failure), (Text("other"), Finish("stop"))]
    completion = house.start()
    assert completion.next(5) == [Text("half")]
    with pytest.raises(type(failure)):
        completion.next(5)
    house.settle()
    assert len(asked(house)) == 1


def test_an_account_that_alone_fails_like_an_upstream_is_left_alone(house: House) -> None:
    house.pool.fill(web("bad"), web("good"))
    house.upstream.by_account = {"bad": [DOWN]}
    house.upstream.scripts = [HELLO]
    for _ in range(20):
        assert texts(read(house.start())) == "Hello"
    house.settle()
    assert asked(house).count("bad") == 3
    record = house.pool.members.get("bad")
    assert record is not None and record.cool_reason == "Unreachable: refused"


def test_a_request_waits_a_moment_for_one_that_finds_out_whether_the_upstream_is_back(house: House) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [DOWN]
    for _ in range(4):
        house.monotonic.advance(1)
        with pytest.raises(errors.Unreachable):
            house.ask()
    assert house.breaker.tripped()
    house.monotonic.advance(SHORTEST)
    house.upstream.scripts = [(0.05, *HELLO)]
    first, second = house.start(), house.start()
    assert [texts(read(first)), texts(read(second))] == ["Hello", "Hello"]
    house.settle()
