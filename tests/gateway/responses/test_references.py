"""References of Responses to items that were answered before."""

from __future__ import annotations

from gateway.explaining import describe
from kimi.errors import ConversationLost
from tests.gateway.responses.asking import asked


def test_a_reference_leads_to_the_response_that_its_item_is_of() -> None:
    """So the AI SDK speaks of all that it believes to be stored."""
    question = asked(
        input=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"type": "item_reference", "id": "rs_0a1b_0"},
            {"type": "item_reference", "id": "fc_0a1b_1"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"id": "msg_2c3d_0"},
            {"role": "user", "content": "b"},
        ]
    )
    assert question.follows == "resp_2c3d"
    assert question.chat["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "b"}]
    assert question.places.of("messages[1].content") == "input[6].content"


def test_a_response_that_is_named_has_the_items_that_are_referred_to() -> None:
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    items = [result, {"type": "item_reference", "id": "msg_0a1b_0"}, {"role": "user", "content": "b"}]
    question = asked(input=items, previous_response_id="resp_2c3d")
    assert (question.follows, question.referred) == ("resp_2c3d", "")
    assert [each["content"] for each in question.chat["messages"]] == ["1", "b"]


def test_references_to_thoughts_lead_nowhere() -> None:
    """The AI SDK sends calls themselves, behind a reference to what was thought before."""
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    question = asked(
        input=[{"role": "user", "content": "a"}, {"type": "item_reference", "id": "rs_0a1b_0"}, call, result]
    )
    assert (question.follows, len(question.chat["messages"])) == ("", 3)


def test_a_reference_that_leads_nowhere_is_told_by_its_place() -> None:
    question = asked(input=[{"type": "item_reference", "id": "msg_0a1b_0"}, {"role": "user", "content": "a"}])
    told = question.told(describe(ConversationLost("gone"), "r"))
    assert (told.code, told.param) == ("previous_response_not_found", "input[0].id")
    assert "send items themselves" in told.message
