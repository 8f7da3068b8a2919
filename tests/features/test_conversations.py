"""Conversations that go on in the chat in which they were begun, and those that cannot."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError

from tests.features.asking import Answer, answers, ask, asked, complaint, seen
from tests.features.kinds import streaming
from tests.system.stack import Stack


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def turns(*texts: str) -> list[dict[str, Any]]:
    """Turns of the user and the assistant, one after the other."""
    return [said("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)]


def begin(house: Stack, text: str, **fields: Any) -> Answer:
    answers(house, f"Answer to {text}")
    return ask(house, text, **fields)


@streaming
def test_an_explicit_conversation_is_continued_where_it_stands(house: Stack, streamed: bool) -> None:
    question = f"What is one? {streamed}"
    first = begin(house, question, conversation_id="none", streamed=streamed)
    account = asked(house)["account"]
    before = house.simulator.total("chats_created")
    answers(house, "{prompt} behind {history}")
    second = ask(house, "And two?", conversation_id=first.id, streamed=streamed)
    assert second.text == f"And two? behind user:{question} | assistant:Answer to {question}"
    answers(house, "{prompt}")
    history = [*turns(question, first.text, "And two?", second.text), said("user", "And three?")]
    third = ask(house, messages=history, conversation_id=first.id, streamed=streamed)
    assert (third.text, asked(house)["prompt"]) == ("And three?", "And three?")
    assert first.id == second.id == third.id
    assert asked(house)["account"] == account
    assert house.simulator.total("chats_created") == before


@streaming
def test_a_conversation_is_recognised(house: Stack, streamed: bool) -> None:
    question = f"What is four? {streamed}"
    first = begin(house, question, streamed=streamed)
    before = house.simulator.total("chats_created")
    answers(house, "{prompt} behind {history}")
    second = ask(house, messages=turns(question, first.text, "And five?"), streamed=streamed)
    assert second.text == f"And five? behind user:{question} | assistant:Answer to {question}"
    answers(house, "{prompt}")
    more = turns(question, first.text, "And five?", second.text, "And six?")
    assert ask(house, messages=more, streamed=streamed).text == "And six?"
    assert asked(house)["prompt"] == "And six?"
    assert house.simulator.total("chats_created") == before


@pytest.mark.parametrize("system", ["Be brief.", "你是一只猫。"])
def test_the_systems_words_are_said_once(house: Stack, system: str) -> None:
    messages = [said("system", system), said("user", "Who are you?")]
    answers(house, "A cat.")
    first = ask(house, messages=messages)
    ask(house, messages=[*messages, said("assistant", first.text), said("user", "Really?")])
    assert asked(house)["prompt"] == "Really?"
    assert "Who are you?" in asked(house)["read"]["history"][0]


def test_a_history_that_was_changed_is_another_conversation(house: Stack) -> None:
    begin(house, "What is seven?")
    ask(house, messages=turns("What is seven?", "Something else", "And eight?"))
    assert asked(house)["read"]["history"] == []
    assert "Something else" in asked(house)["prompt"]


def test_a_chat_is_continued_once(house: Stack) -> None:
    """Who asks the same again, or edits his question, gets a chat of its own."""
    first = begin(house, "What is nine?")
    for text in ("And ten?", "And eleven?"):
        ask(house, messages=turns("What is nine?", first.text, text))
    native, folded = seen(house, last=2)
    assert native["prompt"] == "And ten?"
    assert folded["read"]["history"] == []
    assert "What is nine?" in folded["prompt"]


@streaming
def test_what_was_added_to_an_answer_does_not_hide_its_conversation(house: Stack, streamed: bool) -> None:
    """Links in place of marks, lines with sources: the client sends back what the upstream never said."""
    question = f"What is the moon? {streamed}"
    answers(house, "A stone.")
    first = ask(house, question, model="kimi-search", streamed=streamed)
    assert first.text != "A stone."
    ask(house, messages=turns(question, first.text, "Is it far?"), model="kimi-search", streamed=streamed)
    assert (asked(house)["prompt"], len(asked(house)["read"]["history"])) == ("Is it far?", 2)


def test_a_conversation_is_its_clients_own(house: Stack) -> None:
    """Somebody else who knows all that was said, and its id, is told nothing of it."""
    first = begin(house, "What is secret?", conversation_id="none")
    guest = house.simulator.mint(house.env["KIMI_KIND"])[0]["refresh_token"]
    ask(house, messages=turns("What is secret?", first.text, "And then?"), key=guest)
    assert asked(house)["read"]["history"] == []
    with pytest.raises(BadRequestError) as refused:
        ask(house, "And then?", conversation_id=first.id, key=guest)
    assert complaint(refused.value) == (400, "conversation_not_found", "conversation_id")


def test_another_model_begins_anew(house: Stack) -> None:
    first = begin(house, "What is twelve?")
    ask(house, messages=turns("What is twelve?", first.text, "And thirteen?"), model="kimi-thinking")
    assert asked(house)["read"]["history"] == []


def test_a_chat_that_is_gone_is_begun_anew_with_all_that_was_said(house: Stack) -> None:
    first = begin(house, "What is fourteen?")
    house.simulator.control("DELETE", "chats")
    answers(house, "Fifteen.", times=2)
    again = ask(house, messages=turns("What is fourteen?", first.text, "And then?"))
    assert again.text == "Fifteen."
    for text in ("What is fourteen?", first.text, "And then?"):
        assert text in asked(house)["prompt"]


def test_an_account_that_cannot_go_on_is_replaced(house: Stack) -> None:
    first = begin(house, "What is sixteen?")
    account = asked(house)["account"]
    house.simulator.fault("error", match={"account": account, "endpoint": "chat"}, reason="busy")
    answers(house, "Seventeen.")
    assert ask(house, messages=turns("What is sixteen?", first.text, "And then?")).text == "Seventeen."
    note = asked(house)
    assert note["account"] != account
    assert note["read"]["history"] == []
    assert "What is sixteen?" in note["prompt"]


def test_an_explicit_conversation_that_is_lost_needs_its_history(house: Stack) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, "And then?", conversation_id="0123456789abcdefghij")
    assert complaint(refused.value) == (400, "conversation_not_found", "conversation_id")
    history = turns("What is eighteen?", "A number.", "And then?")
    assert ask(house, messages=history, conversation_id="0123456789abcdefghij").text
    assert "What is eighteen?" in asked(house)["prompt"]
