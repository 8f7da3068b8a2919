"""Conversations that their client knows by a name, and nothing else: only what is new comes with the question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.conversations import Fate
from gateway.turn import Turn
from kimi.accounts import Account, Kind, State
from kimi.chat import Message, Place
from kimi.errors import (
    AllBusy,
    BrokenAnswer,
    ChatGone,
    ContentRefused,
    ConversationBusy,
    ConversationLost,
    KimiError,
    Overloaded,
    PromptTooLong,
    StoreUnavailable,
    TokenRejected,
    Unreachable,
)
from kimi.events import Answering, Finish, Text
from tests.gateway.houses import House, MakeHouse, read
from tests.gateway.scripted import ScriptedUpstream, wait_until
from tests.gateway.talks import Talk, answer, last_words
from tests.gateway.test_conversations import Gone
from tests.kimi.pool.pools import web, wish

NAME = Turn(scope="one", name="chatcmpl-1")


def begun(make_house: MakeHouse, *accounts: Account, **options: object) -> Talk:
    """A conversation of that name; its chat stands with the account `a`."""
    house: House = make_house(upstream=ScriptedUpstream([answer("c1", "s1"), answer("c2", "s2")]), **options)
    house.pool.fill(*(accounts or (web("a"), web("b", priority=-1))))
    talk = Talk(house, replace(NAME, begins=True))
    talk.say("one")
    talk.turn = NAME
    talk.messages.clear()
    return talk


def say(talk: Talk, text: str) -> None:
    """Says something new, as a client does that keeps no history."""
    talk.messages.clear()
    talk.say(text)


def goes_on_behind(talk: Talk, place: Place) -> None:
    talk.house.upstream.by_account.clear()
    talk.house.upstream.scripts = [answer("c9", "s9")]
    say(talk, "at last")
    assert (talk.account, talk.asked.behind) == ("a", place)


def test_it_goes_on_under_its_name(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    say(talk, "two")
    assert (talk.account, talk.asked.behind, last_words(talk)) == ("a", Place("c1", "s1"), ("two",))
    goes_on_behind(talk, Place("c1", "s2"))
    assert talk.house.fates == [Fate.CONTINUED] * 2


def test_its_first_chat_is_not_a_matter_of_moments(make_house: MakeHouse) -> None:
    talk = begun(make_house, first_turn=0.0)
    assert talk.house.remover.join(5)
    assert talk.house.upstream.deleted == []
    goes_on_behind(talk, Place("c1", "s1"))


def test_a_history_that_comes_along_is_not_sent_again(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.say("something else altogether")
    talk.say("two")
    assert last_words(talk) == ("two",)


def test_a_name_that_nobody_knows_is_lost_unless_the_history_comes_along(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    for stranger in (Turn(scope="one", name="chatcmpl-2"), Turn(scope="two", name="chatcmpl-1")):
        talk.turn = stranger
        talk.messages.clear()
        with pytest.raises(ConversationLost):
            talk.say("two")
    assert talk.house.fates == [Fate.LOST] * 2
    talk.messages = [Message("user", "one"), Message("assistant", "Hello there.")]
    talk.say("two")
    assert len(talk.asked.messages) == 3
    say(talk, "three")
    assert talk.asked.behind == Place("c2", "s2")


def test_its_account_is_waited_for(make_house: MakeHouse) -> None:
    talk = begun(make_house, queue_seconds=5.0)
    lease = talk.house.pool.leases.acquire(wish(only="a"))
    talk.messages.clear()
    waits = talk.start("two")
    wait_until(lambda: talk.house.waiting.waiting == 1)
    talk.house.pool.leases.release(lease)
    talk.house.waiting.call_all()
    read(waits)
    assert (talk.account, talk.asked.behind) == ("a", Place("c1", "s1"))


def test_it_is_not_lost_because_its_account_is_busy(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    lease = talk.house.pool.leases.acquire(wish(only="a"))
    with pytest.raises(AllBusy):
        say(talk, "two")
    talk.house.pool.leases.release(lease)
    goes_on_behind(talk, Place("c1", "s1"))


def test_a_question_while_an_answer_runs_is_told_so_unless_the_history_comes_along(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), 60.0, Finish("stop")), answer("c3", "s3")]
    runs = talk.start("two")
    runs.next(5)
    with pytest.raises(ConversationBusy) as told:
        say(talk, "three")
    assert told.value.retry_after == 1.0
    talk.messages = [Message("user", "one"), Message("assistant", "Hello there.")]
    read(talk.start("three"))
    assert talk.asked.behind is None
    talk.house.upstream.go_on.set()
    read(runs)
    assert talk.house.completions.join(5) and talk.house.reactions.join(5)
    goes_on_behind(talk, Place("c1", "s2"))


def test_it_is_not_lost_when_its_client_leaves_the_queue(make_house: MakeHouse) -> None:
    talk = begun(make_house, queue_seconds=5.0)
    lease = talk.house.pool.leases.acquire(wish(only="a"))
    talk.messages.clear()
    waits = talk.start("two")
    wait_until(lambda: talk.house.waiting.waiting == 1)
    waits.close()
    assert talk.house.completions.join(5) and talk.house.remover.join(5)
    talk.house.pool.leases.release(lease)
    goes_on_behind(talk, Place("c1", "s1"))


def test_with_its_account_it_is_lost(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    record = talk.house.pool.members.get("a")
    assert record is not None
    talk.house.pool.members.mark("a", record.version, State.BANNED, "why")
    with pytest.raises(ConversationLost):
        say(talk, "two")


def test_it_is_not_lost_to_a_model_that_its_account_does_not_serve(make_house: MakeHouse) -> None:
    talk = begun(make_house, web("a"), Account(name="c", kind=Kind.CLASSIC, priority=-1))
    talk.model = "kimi-k1.5"
    with pytest.raises(ConversationLost):
        say(talk, "two")
    assert talk.house.remover.join(5)
    talk.model = "kimi"
    goes_on_behind(talk, Place("c1", "s1"))


@pytest.mark.parametrize("failure", [Overloaded("tired"), Unreachable("refused"), PromptTooLong("shorter")])
def test_a_failure_that_passes_is_told_and_the_conversation_stays(make_house: MakeHouse, failure: KimiError) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(failure,)]
    with pytest.raises(type(failure)):
        say(talk, "two")
    assert [account for account, _, _ in talk.house.upstream.asked] == ["a", "a"], "nobody else can answer"
    talk.house.pool.store.redis.hset(talk.house.pool.store.key("account", "a"), "cool_until", 0)
    talk.house.pool.freshen("a")
    goes_on_behind(talk, Place("c1", "s1"))


@pytest.mark.parametrize(
    ("failure", "told"),
    [(ChatGone("404"), ConversationLost), (ContentRefused("no"), ContentRefused), (BrokenAnswer(), BrokenAnswer)],
)
def test_a_chat_that_is_broken_is_deleted_and_the_conversation_lost(
    make_house: MakeHouse, failure: KimiError, told: type[KimiError]
) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(failure,)]
    with pytest.raises(told):
        say(talk, "two")
    assert talk.house.remover.join(5) and talk.house.ledger.flush()
    assert [chat for chat, _ in talk.house.upstream.deleted] == ["c1"]
    with pytest.raises(ConversationLost):
        say(talk, "three")


def test_a_token_that_is_refused_is_waited_for(make_house: MakeHouse) -> None:
    talk = begun(make_house, queue_seconds=5.0)
    talk.house.upstream.scripts = [(TokenRejected("401"),), answer("c9", "s9")]
    talk.messages.clear()
    waits = talk.start("two")
    wait_until(lambda: talk.house.waiting.waiting == 1)
    talk.house.pool.freshen("a")
    talk.house.waiting.call_all()
    read(waits)
    assert [account for account, _, _ in talk.house.upstream.asked] == ["a", "a", "a"]
    assert talk.asked.behind == Place("c1", "s1")


@pytest.mark.parametrize("finish", [Finish("length"), Finish("stop", cut=True)])
def test_an_answer_that_was_cut_short_is_one_to_go_on_from(make_house: MakeHouse, finish: Finish) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [answer("c1", "s2", finish=finish)]
    say(talk, "two")
    goes_on_behind(talk, Place("c1", "s2"))


def test_a_client_that_stops_an_answer_can_go_on(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), 5.0, Finish("stop"))]
    talk.messages.clear()
    stopped = talk.start("two")
    stopped.next(5)
    stopped.close()
    assert talk.house.completions.join(5) and talk.house.reactions.join(5)
    goes_on_behind(talk, Place("c1", "s2"))


def test_an_answer_that_breaks_off_can_be_asked_for_again(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), BrokenAnswer("cut"))]
    with pytest.raises(BrokenAnswer):
        say(talk, "two")
    assert talk.house.reactions.join(5)
    goes_on_behind(talk, Place("c1", "s1"))


def test_with_its_history_it_goes_elsewhere_under_the_same_name(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Overloaded("tired"),), answer("c2", "s2")]
    talk.messages = [Message("user", "one"), Message("assistant", "Hello there.")]
    talk.say("two")
    assert (talk.account, talk.asked.behind) == ("b", None)
    say(talk, "three")
    assert (talk.account, talk.asked.behind) == ("b", Place("c2", "s2"))


def test_without_redis_nobody_can_say_that_it_is_lost(make_house: MakeHouse) -> None:
    talk = begun(make_house, records=Gone())
    with pytest.raises(StoreUnavailable):
        say(talk, "two")


def test_it_is_begun_with_an_account_that_keeps_chats(make_house: MakeHouse) -> None:
    house = make_house(upstream=ScriptedUpstream([answer("c1", "s1")]))
    house.pool.fill(
        Account(name="official", kind=Kind.MOONSHOT, priority=9, models=("kimi-k2.6",)), web("a"), models=("kimi-k2.6",)
    )
    talk = Talk(house, replace(NAME, begins=True), model="kimi-k2.6")
    talk.say("one")
    assert talk.account == "a"
    Talk(house, model="kimi-k2.6").say("one")
    assert talk.account == "official"


def test_switched_off_there_is_none_to_go_on_with(make_house: MakeHouse) -> None:
    talk = begun(make_house, conversation_seconds=0.0)
    with pytest.raises(ConversationLost):
        say(talk, "two")
