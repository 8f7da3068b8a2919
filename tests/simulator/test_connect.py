"""The connect dialect, frame by frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.clients import CHAT, Client, connect_text, frames

if TYPE_CHECKING:
    from tests.simulator.running import Simulator

SEARCH = [{"type": "TOOL_TYPE_SEARCH", "search": {}}]


def masks(messages: list[tuple[int, dict[str, Any]]]) -> list[str]:
    """The order of things, repetitions and noise left out."""
    names: list[str] = []
    for flags, message in messages:
        name = "trailer" if flags == 2 else str(message.get("mask") or next(iter(set(message) - {"op"})))
        if name not in (names[-1] if names else "", "heartbeat", "block.neverSeenBefore", "block.stage"):
            names.append(name)
    return names


def error_of(body: bytes) -> dict[str, Any]:
    """The error of the first frame or the trailer."""
    found = [message["error"] for _, message in frames(body) if "error" in message]
    assert len(found) == 1
    error: dict[str, Any] = found[0]
    return error


def test_an_answer_comes_in_the_documented_order(kimi: Simulator, web: Client) -> None:
    kimi.settings(tame=True)
    answer = web.chat(options={"thinking": True}, tools=SEARCH)
    assert answer.headers["Content-Type"] == "application/connect+json"
    messages = frames(answer.content)
    assert messages[0] == (0, {"heartbeat": {}})
    assert masks(messages) == [
        "chat", "chat.lastRequest", "message", "block.text", "message", "block.multiStage", "block.think",
        "block.think.content", "block.tool", "block.tool.args", "block.tool.status", "block.tool.contents",
        "block.tool.status", "block.text", "block.text.content", "chat.name", "message.status", "done", "trailer",
    ]  # fmt: skip
    assert messages[-1] == (2, {})


def test_the_answer_says_what_it_is_and_echoes_the_last_user_message(web: Client) -> None:
    text = connect_text(frames(web.chat("user:old\nassistant:older\nuser:今天 天气?\nassistant:").content))
    assert "simulator" in text
    assert "You said: 今天 天气?\n" in text
    assert "🎉" in text


def test_the_first_piece_is_set_and_the_others_are_appended(web: Client) -> None:
    messages = [message for _, message in frames(web.chat().content)]
    assistant = next(m for m in messages if m.get("mask") == "message" and m["message"]["role"] == "assistant")
    after = messages[messages.index(assistant) :]
    pieces = [m for m in after if m.get("mask") in ("block.text", "block.text.content")]
    assert [m["op"] for m in pieces] == ["set", *["append"] * (len(pieces) - 1)]
    assert assistant["message"]["status"] == "MESSAGE_STATUS_GENERATING"


def test_sources_and_citation_marks_come_with_a_search(web: Client) -> None:
    messages = frames(web.chat(tools=SEARCH).content)
    contents = [m["block"]["tool"]["contents"] for _, m in messages if m.get("mask") == "block.tool.contents"]
    assert contents[0][0]["searchResult"]["base"]["url"] == "https://example.com/a"
    marks = re.findall("\ue3a0cite\ue3a3(.*?)\ue3a8", connect_text(messages))
    assert marks == ["web_search:1#0\ue3a3web_search:1#1", "web_search:7#9"], "the last one speaks of nothing"


def test_a_chat_goes_on_from_the_last_answer(kimi: Simulator, web: Client) -> None:
    first = [message for _, message in frames(web.chat("one").content)]
    chat_id = next(m["chat"]["id"] for m in first if "chat" in m)
    answer = next(m for m in first if m.get("mask") == "message" and m["message"]["role"] == "assistant")
    second = frames(web.chat("two", chat_id=chat_id, message={"parent_id": answer["message"]["id"]}).content)
    assert "You said: two\n" in connect_text(second)
    assert kimi.account("web")["chats_created"] == 1
    listed = web.call("POST", "/apiv2/kimi.gateway.chat.v1.ChatService/ListMessages", {"chat_id": chat_id}).json()
    assert [message["role"] for message in listed["messages"]] == ["assistant", "user"] * 2


@pytest.mark.parametrize("body", [b'{"message":{}}', b"", b"\0\0\0\0\5{}", b"\1\0\0\0\2{}"])
def test_what_is_no_envelope_is_an_invalid_argument(web: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/connect+json", "Connect-Protocol-Version": "1"}
    answer = web.call("POST", CHAT, data=body, headers=headers)
    assert answer.status_code == 200
    assert error_of(answer.content)["code"] == "invalid_argument"


@pytest.mark.parametrize(
    "more",
    [
        {"chat_id": ""},
        {"scenario": "SCENARIO_K9"},
        {"message": {"role": "assistant"}},
        {"options": {"reasoning_effort": "REASONING_EFFORT_MAX"}},
    ],
)
def test_wrong_requests_are_invalid_arguments(web: Client, more: dict[str, Any]) -> None:
    assert error_of(web.chat(**more).content)["code"] == "invalid_argument"


def test_an_unknown_chat_is_not_found(web: Client) -> None:
    assert error_of(web.chat(chat_id="no-such-chat").content)["code"] == "not_found"


def test_a_free_plan_has_no_big_scenario(kimi: Simulator) -> None:
    client = Client(kimi, kimi.mint(kind="kimi", plan="free")).log_in()
    assert error_of(client.chat(scenario="SCENARIO_OK_COMPUTER").content)["code"] == "resource_exhausted"
    assert frames(client.chat().content)[-1] == (2, {})


def test_an_account_lists_and_has_what_its_plan_has_unless_told_otherwise(kimi: Simulator, web: Client) -> None:
    path = "/apiv2/kimi.gateway.config.v1.ConfigService/GetAvailableModels"

    def listed() -> list[str]:
        return [model["scenario"] for model in web.call("POST", path, {}).json()["availableModels"]]

    assert "SCENARIO_K3" in listed()
    kimi.account("web", plan="free")
    assert "SCENARIO_K3" not in listed()
    kimi.account("web", scenarios=["SCENARIO_K3"])
    assert listed() == ["SCENARIO_K3"]
    assert error_of(web.chat().content)["code"] == "resource_exhausted"


def test_one_stream_an_account(kimi: Simulator, web: Client) -> None:
    kimi.fault("hang", texts=1)
    with web.chat(stream=True):
        assert kimi.account("web")["open_streams"] == 1
        error = error_of(Client(kimi, web.account, web.access).chat().content)
        assert (error["code"], error["message"]) == ("resource_exhausted", "session in progress")
        assert kimi.account("web")["refused_busy"] == 1


def test_a_wrong_token_is_a_plain_401(web: Client) -> None:
    web.access += "x"
    answer = web.chat()
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.json()["details"][0]["debug"]["reason"] == "REASON_INVALID_AUTH_TOKEN"


def test_the_system_prompt_has_a_slot_of_its_own(kimi: Simulator, web: Client) -> None:
    messages = frames(web.chat(options={"system_prompt": "be brief"}).content)
    assert "be brief" not in connect_text(messages)
    seen = kimi.seen("web")[-1]
    assert (seen["system"], seen["prompt"]) == ("be brief", "你好 hello")
    assert "Authorization" not in seen["headers"]


def test_models_are_listed_by_scenario(web: Client) -> None:
    listed = web.call("POST", "/apiv2/kimi.gateway.config.v1.ConfigService/GetAvailableModels", {}).json()
    assert {"scenario", "displayName", "description", "thinking", "kimiPlusId", "agentMode"} == set(
        listed["availableModels"][0]
    )


def test_chats_are_deleted_one_by_one_and_together(kimi: Simulator, web: Client) -> None:
    for _ in range(3):
        web.chat()
    service = "/apiv2/kimi.chat.v1.ChatService"
    listed = web.call("POST", f"{service}/ListChats", {"project_id": "", "page_size": 2, "query": ""}).json()
    assert len(listed["chats"]) == 2
    ids = [chat["id"] for chat in listed["chats"]]
    assert web.call("POST", f"{service}/BatchDeleteChats", {"chat_ids": ids}).status_code == 200
    assert web.call("POST", f"{service}/DeleteChat", {"chat_id": ids[0]}).status_code == 404
    last = web.call("POST", f"{service}/ListChats", {"project_id": "", "page_size": 2}).json()["chats"][0]["id"]
    assert web.call("POST", f"{service}/DeleteChat", {"chat_id": last}).status_code == 200
    account = kimi.account("web")
    assert (account["chats_created"], account["chats_deleted"], account["chats_alive"]) == (3, 3, 0)


def test_files_are_uploaded_read_and_given_to_a_chat(web: Client) -> None:
    sent = web.call("POST", "/apiv2-files/file/upload", files={"file": ("a.txt", "内容".encode())}).json()
    progress = "/apiv2-files/kimi.gateway.file.v1.FileService/GetFileParseProgress"
    statuses = [
        web.call("POST", progress, {"file_ids": [sent["file"]["id"]]}).json()["progresses"][0]["status"]
        for _ in range(2)
    ]
    assert statuses == ["PROCESS_STATUS_PROCESSING", "PROCESS_STATUS_SUCCESS"]
    blocks = [{"text": {"content": "read"}}, {"file": {"id": sent["file"]["id"], "status": "PROCESS_STATUS_SUCCESS"}}]
    assert frames(web.chat(message={"blocks": blocks}).content)[-1] == (2, {})
    blocks[1] = {"file": {"id": "none"}}
    assert error_of(web.chat(message={"blocks": blocks}).content)["code"] == "invalid_argument"


def test_the_plan_says_how_much_is_used(web: Client) -> None:
    path = "/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats"
    assert web.call("POST", path, {}).json()["subscriptionBalance"].keys() == {"amountUsedRatio", "expireTime"}
