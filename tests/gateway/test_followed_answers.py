"""Answers whose ids their clients know, and behind which they ask; only what is new comes with such a question."""

from __future__ import annotations

import pytest

from gateway.conversations import Fate
from gateway.turn import Turn
from kimi.accounts import Account, Kind
from kimi.chat import Message, Place
from kimi.errors import BrokenAnswer, ConversationBusy, ConversationLost, Overloaded
from kimi.events import Answering, Finish, Text
from tests.gateway.houses import House, MakeHouse, read
from tests.gateway.scripted import ScriptedUpstream
from tests.gateway.talks import Talk, answer, last_words
from tests.kimi.pool.pools import web


def begun(make_house: MakeHouse, **options: object) -> Talk:
    """An answer of the id `resp_1`; its chat stands with the account `a`."""
    house: House = make_house(upstream=ScriptedUpstream([answer("c1", "s1"), answer("c2", "s2")]), **options)
    house.pool.fill(web("a"), web("b", priority=-1))
    talk = Talk(house, Turn(scope="one", answer="resp_1"))
    talk.say("one")
    return talk


def follow(talk: Talk, text: str, *, behind: str = "resp_1", known_as: str = "resp_2", scope: str = "one") -> None:
    """Asks something new behind an answer, as a client does that keeps no history."""
    talk.turn = Turn(scope=scope, answer=known_as, follows=behind)
    talk.messages.clear()
    talk.say(text)


def test_a_question_is_asked_behind_an_answer(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    follow(talk, "two")
    assert (talk.account, talk.asked.behind, last_words(talk)) == ("a", Place("c1", "s1"), ("two",))
    talk.house.upstream.scripts = [answer("c1", "s3")]
    follow(talk, "three", behind="resp_2", known_as="resp_3")
    assert (talk.account, talk.asked.behind) == ("a", Place("c1", "s2"))
    assert talk.house.fates == [Fate.CONTINUED] * 2


def test_its_chat_is_not_a_matter_of_moments(make_house: MakeHouse) -> None:
    talk = begun(make_house, first_turn=0.0)
    assert talk.house.remover.join(5)
    assert talk.house.upstream.deleted == []
    follow(talk, "two")


def test_who_sends_the_history_is_recognised_as_ever(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.turn = Turn(scope="one", answer="resp_2")
    talk.say("two")
    assert (talk.asked.behind, last_words(talk)) == (Place("c1", "s1"), ("two",))
    with pytest.raises(ConversationLost):
        follow(talk, "three")
    follow(talk, "three", behind="resp_2", known_as="resp_3")


def test_of_two_answers_that_say_the_same_each_can_be_followed(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [answer("c2", "s2"), answer("c2", "s3"), answer("c1", "s4")]
    talk.messages.clear()
    talk.turn = Turn(scope="one", answer="resp_2")
    talk.say("one")
    follow(talk, "two", behind="resp_2", known_as="resp_3")
    assert talk.asked.behind == Place("c2", "s2")
    follow(talk, "two", behind="resp_1", known_as="resp_4")
    assert talk.asked.behind == Place("c1", "s1")


def test_all_messages_behind_an_answer_are_new(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.turn = Turn(scope="one", answer="resp_2", follows="resp_1")
    talk.messages = [Message("system", "Be brief."), Message("assistant", "I have looked.")]
    talk.say("two")
    assert last_words(talk) == ("Be brief.", "I have looked.", "two")


@pytest.mark.parametrize(("behind", "scope"), [("resp_9", "one"), ("resp_1", "two")])
def test_an_answer_that_nobody_knows_is_lost(make_house: MakeHouse, behind: str, scope: str) -> None:
    talk = begun(make_house)
    with pytest.raises(ConversationLost):
        follow(talk, "two", behind=behind, scope=scope)
    follow(talk, "two")


def test_an_answer_is_followed_once(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    follow(talk, "two")
    with pytest.raises(ConversationLost):
        follow(talk, "something else")


def test_meanwhile_others_are_told(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), 60.0, Finish("stop"))]
    talk.turn = Turn(scope="one", answer="resp_2", follows="resp_1")
    talk.messages.clear()
    runs = talk.start("two")
    runs.next(5)
    with pytest.raises(ConversationBusy):
        follow(talk, "something else")
    talk.house.upstream.go_on.set()
    read(runs)


def test_what_was_not_answered_can_be_asked_again(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Overloaded("tired"),)]
    with pytest.raises(Overloaded):
        follow(talk, "two")
    talk.house.pool.store.redis.hset(talk.house.pool.store.key("account", "a"), "cool_until", 0)
    talk.house.pool.freshen("a")
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), BrokenAnswer("cut"))]
    with pytest.raises(BrokenAnswer):
        follow(talk, "two")
    assert talk.house.reactions.join(5)
    talk.house.upstream.scripts = [answer("c1", "s3")]
    follow(talk, "two")
    assert talk.asked.behind == Place("c1", "s1")


def test_who_stops_an_answer_asks_again_behind_the_one_before(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(Answering("s2"), Text("Well, "), 5.0, Finish("stop"))]
    talk.turn = Turn(scope="one", answer="resp_2", follows="resp_1")
    talk.messages.clear()
    stopped = talk.start("two")
    stopped.next(5)
    stopped.close()
    assert talk.house.completions.join(5) and talk.house.reactions.join(5)
    talk.house.upstream.scripts = [answer("c1", "s3")]
    follow(talk, "two")
    assert talk.asked.behind == Place("c1", "s1")


@pytest.mark.parametrize("finish", [Finish("length"), Finish("stop", cut=True)])
def test_an_answer_that_was_cut_short_can_be_followed(make_house: MakeHouse, finish: Finish) -> None:
    house: House = make_house(upstream=ScriptedUpstream([answer("c1", "s1", finish=finish), answer("c1", "s2")]))
    house.pool.fill(web("a"))
    talk = Talk(house, Turn(scope="one", answer="resp_1"))
    talk.say("one")
    follow(talk, "two")
    assert talk.asked.behind == Place("c1", "s1")


def test_any_account_may_answer_what_nothing_comes_before(make_house: MakeHouse) -> None:
    house: House = make_house(upstream=ScriptedUpstream([answer("c1", "s1")]))
    official = Account(name="official", kind=Kind.MOONSHOT, priority=9, models=("kimi-k2.6",))
    house.pool.fill(official, web("a"), models=("kimi-k2.6",))
    talk = Talk(house, Turn(scope="one", answer="resp_1"), model="kimi-k2.6")
    talk.say("one")
    assert talk.account == "official"
    with pytest.raises(ConversationLost):
        follow(talk, "two")


def test_an_answer_without_an_id_is_kept_as_ever(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    follow(talk, "two", known_as="")
    assert talk.house.remover.join(5)
    assert talk.house.upstream.deleted == [("c1", "access-a")] or talk.house.upstream.deleted[0][0] == "c1"
