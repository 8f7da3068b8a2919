from __future__ import annotations

from dataclasses import replace

from gateway.forms.telling import correction, told, words
from kimi.chat import Chat, Form, Message, Tool, Tools
from kimi.upstreams.folding import beside_system, into_one

USER, SYSTEM = Message("user", "How old is Ada?"), Message("system", "Be brief.")
ASKED = Chat(model="kimi", messages=(SYSTEM, USER))
SCHEMA = {"type": "object", "properties": {"system": {"type": "integer"}}}


def test_a_question_without_a_form_is_not_touched() -> None:
    assert told(ASKED) is ASKED


def test_the_form_is_the_last_of_the_systems_words() -> None:
    form = Form()
    assert told(replace(ASKED, form=form)).messages == (SYSTEM, Message("system", words(form)), USER)
    assert told(replace(ASKED, messages=(USER,), form=form)).messages == (Message("system", words(form)), USER)


def test_the_schema_is_told_whole_and_by_its_name() -> None:
    said = words(Form(SCHEMA, "person"))
    assert '"person"' in said
    assert said.endswith('{"type":"object","properties":{"system":{"type":"integer"}}}')


def test_a_form_does_not_rule_out_calls_of_tools() -> None:
    tools = Tools((Tool("look"),))
    for form in (Form(), Form(SCHEMA)):
        (_, form_told, _) = told(replace(ASKED, form=form, tools=tools)).messages
        assert "when you call no tool" in form_told.content
        (_, form_told, _) = told(replace(ASKED, form=form, tools=replace(tools, choice="none"))).messages
        assert form_told.content == words(form)


def test_no_dialect_takes_the_schema_for_a_turn() -> None:
    asked = told(replace(ASKED, form=Form(SCHEMA)))
    assert beside_system(asked.messages).text == USER.content
    assert into_one(asked.messages).startswith("system:Be brief.\nsystem:Answer with one JSON value")
    assert into_one(asked.messages).endswith(f"\nuser:{USER.content}")


def test_a_correction_names_all_mistakes() -> None:
    said = correction(["$.a: this is wrong", "$.b: this too"])
    assert "- $.a: this is wrong\n- $.b: this too\n" in said
