"""What a client says about conversations, and how it is answered."""

from __future__ import annotations

import orjson
import pytest

from gateway.auth import ClientKeys
from kimi.errors import ConversationLost
from tests.gateway.fakes import AUTHORIZED, KEY, House, answer

URL = "/v1/chat/completions"


def ask(house: House, *, stream: bool = False, **body: object) -> str:
    """The id of the answer."""
    house.pool.will(*answer("x"))
    question = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **body}
    response = house.client.post(URL, json=question, headers=AUTHORIZED)
    assert response.status_code == 200
    said = response.data.partition(b"\n\n")[0].removeprefix(b"data: ") if stream else response.data
    response.close()
    return str(orjson.loads(said)["id"])


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_answer_names_its_conversation_and_the_others_keep_the_name(house: House, stream: bool) -> None:
    name = ask(house, stream=stream, conversation_id="none")
    assert name == "chatcmpl-abc123"
    assert ask(house, stream=stream, conversation_id="chatcmpl-other") == "chatcmpl-other"
    first, second = house.pool.turns
    assert (first.name, first.begins) == (name, True)
    assert (second.name, second.begins) == ("chatcmpl-other", False)


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_an_id_there_is_no_name(house: House, nothing: str | None) -> None:
    assert ask(house, conversation_id=nothing) == "chatcmpl-abc123"
    (turn,) = house.pool.turns
    assert (turn.name, turn.begins) == ("", False)


def test_clients_are_told_apart(house: House) -> None:
    ask(house)
    (turn,) = house.pool.turns
    assert turn.scope == ClientKeys([KEY]).caller(None, KEY).scope
    assert turn.scope != ClientKeys(["another"]).caller(None, "another").scope


@pytest.mark.parametrize("bad", [7, ["x"], "a b", "x" * 129, 'x"', "x\n"])
def test_what_no_answer_is_called_is_refused(house: House, bad: object) -> None:
    question = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "conversation_id": bad}
    response = house.client.post(URL, json=question, headers=AUTHORIZED)
    assert response.status_code == 400
    assert response.get_json()["error"]["param"] == "conversation_id"


def test_a_conversation_that_is_not_known_says_what_to_do(house: House) -> None:
    house.pool.will(ConversationLost("gone"))
    question = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "conversation_id": "chatcmpl-x"}
    response = house.client.post(URL, json=question, headers=AUTHORIZED)
    assert response.status_code == 400
    error = response.get_json()["error"]
    assert (error["code"], error["param"]) == ("conversation_not_found", "conversation_id")
    assert response.headers["x-should-retry"] == "false"
