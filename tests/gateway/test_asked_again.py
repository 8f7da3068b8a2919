"""Answers that have to have a form, over a scripted upstream and a real Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.forms.telling import words
from gateway.turn import Turn
from kimi import errors
from kimi.accounts import Account, Kind
from kimi.chat import Feature, Form, Message, Place
from kimi.events import Answering, ChatOpened, Event, Finish, Text, Thinking
from tests.gateway.houses import CHAT, House, read, texts
from tests.gateway.scripted import Step
from tests.gateway.talks import Talk
from tests.kimi.pool.pools import web

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORM = Form(SCHEMA)
ASKED = replace(CHAT, form=FORM)
GOOD, BAD = '{"age": 3}', '{"age": "old"}'


def said(text: str, number: int = 1, finish: Event | None = None) -> tuple[Step, ...]:
    return (ChatOpened("c1"), Answering(f"m{number}"), Thinking("hm"), Text(text), finish or Finish("stop"))


def test_an_answer_that_fits_comes_at_once(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(f"Sure:\n```json\n{GOOD}\n```")]
    assert read(house.start(chat=ASKED)) == [Thinking("hm"), Text(GOOD), Finish("stop")]
    assert house.upstream.asked[0][2].messages == (Message("system", words(FORM)), Message("user", "hi"))
    house.settle()


@pytest.mark.parametrize(("kind", "keeps"), [(Kind.KIMI, True), (Kind.CLASSIC, False)])
def test_one_that_does_not_fit_is_asked_for_again_in_the_same_chat(house: House, kind: Kind, *, keeps: bool) -> None:
    house.pool.fill(Account(name="a", kind=kind))
    house.upstream.scripts = [said(BAD), said(GOOD, 2)]
    events = read(house.start(chat=ASKED))
    assert events == [Thinking("hm"), Thinking("hm"), Text(GOOD), Finish("stop")]
    first, second = (chat for _, _, chat in house.upstream.asked)
    assert first.behind is None
    assert second.behind == Place("c1", "m1")
    *system, correction = second.messages
    assert system == ([Message("system", words(FORM))] if keeps else [])
    assert correction.role == "user" and '$.age: this is not of type "integer"' in correction.content
    house.settle()
    assert [chat for chat, _ in house.upstream.deleted] == ["c1"]


def test_one_that_fits_not_even_then_is_a_clear_failure_that_no_other_account_is_asked_for(house: House) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [said(BAD), said("No.", 2)]
    completion = house.start(chat=ASKED)
    with pytest.raises(errors.FormUnfit) as failure:
        read(completion)
    assert "no JSON" in failure.value.explained
    assert "No." not in str(failure.value) and str(failure.value)  # which is for the log
    assert len(house.upstream.asked) == 2
    house.settle()
    assert house.upstream.cancelled == []
    assert all(record.cool_until == 0 for record in house.pool.members.all())


def test_one_that_breaks_off_before_it_is_known_to_fit_is_asked_of_another_account(house: House) -> None:
    house.pool.fill(web("a"), web("b"))
    half: tuple[Step, ...] = (ChatOpened("c1"), Answering("m1"), Text('{"age"'), errors.BrokenAnswer("cut"))
    house.upstream.scripts = [half, said(GOOD)]
    completion = house.start(chat=ASKED)
    assert texts(read(completion)) == GOOD
    assert completion.failovers == ["BrokenAnswer"]
    house.settle()


def test_an_upstream_that_has_not_told_where_cannot_be_asked_again(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(Text(BAD), Finish("stop"))]
    with pytest.raises(errors.FormUnfit):
        read(house.start(chat=ASKED))
    house.settle()


def test_what_fails_while_it_is_asked_again_is_told_as_it_is(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(BAD), (Answering("m2"), errors.ContentRefused("withdrawn"))]
    with pytest.raises(errors.ContentRefused):
        read(house.start(chat=ASKED))
    house.settle()


def test_the_official_platform_is_asked_in_its_own_words_and_believed(house: House) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k2.6",))
    house.upstream.scripts = [(Text(BAD), Finish("stop"))]
    assert texts(read(house.start("kimi-k2.6", ASKED))) == BAD
    assert house.upstream.asked[0][2].messages == ASKED.messages


def test_a_conversation_goes_on_behind_the_answer_that_fitted(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(BAD), said(f"Well: {GOOD}", 2), said("Yes.", 3)]
    talk = Talk(house)
    talk.messages.append(Message("user", "How old?"))
    heard = texts(read(house.start("kimi", replace(CHAT, messages=tuple(talk.messages), form=FORM), talk.turn)))
    assert heard == GOOD
    talk.messages.append(Message("assistant", heard))
    assert house.completions.join(5) and house.reactions.join(5)
    assert talk.say("Sure?") == "Yes."
    assert talk.asked.behind == Place("c1", "m2")
    house.settle()


def test_nothing_is_searched_for_once_more(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(BAD), said(GOOD, 2)]
    assert texts(read(house.start("kimi-search-thinking", ASKED))) == GOOD
    first, second = (chat for _, _, chat in house.upstream.asked)
    assert first.features == {Feature.SEARCH, Feature.THINKING}
    assert second.features == {Feature.THINKING}


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_a_conversation_with_a_name_outlives_an_answer_that_did_not_fit(house: House, kind: Kind) -> None:
    house.pool.fill(Account(name="a", kind=kind))
    house.upstream.scripts = [said("Hello."), said(BAD, 2), said("No.", 3), said(GOOD, 4)]
    talk = Talk(house, Turn(scope="one", name="talk", begins=True))
    talk.say("Hi")
    question = replace(CHAT, messages=(Message("user", "How old?"),), form=FORM)
    named = Turn(scope="one", name="talk")
    with pytest.raises(errors.FormUnfit):
        read(house.start("kimi", question, named))
    assert house.completions.join(5) and house.reactions.join(5)
    assert texts(read(house.start("kimi", question, named))) == GOOD
    assert talk.asked.behind == Place("c1", "m1")
    house.settle()


def test_where_the_next_answer_does_not_say_who_it_is_nobody_goes_on_behind_the_one_before(house: House) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(BAD), (Text(GOOD), Finish("stop")), said("Yes.", 3)]
    talk = Talk(house)
    talk.messages.append(Message("user", "How old?"))
    heard = texts(read(house.start("kimi", replace(CHAT, messages=tuple(talk.messages), form=FORM), talk.turn)))
    talk.messages.append(Message("assistant", heard))
    assert house.completions.join(5) and house.reactions.join(5)
    assert talk.say("Sure?") == "Yes."
    assert talk.asked.behind is None
    house.settle()
