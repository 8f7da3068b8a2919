"""The classic dialect, event by event."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import requests

from devtools.waiting import until
from tests.simulator.clients import Client, events

if TYPE_CHECKING:
    from tests.simulator.running import Simulator


def kinds(body: bytes) -> list[str]:
    """The order of events, repetitions left out."""
    names: list[str] = []
    for event in events(body):
        if event["event"] not in names[-1:]:
            names.append(event["event"])
    return names


def text_of(body: bytes, kind: str = "cmpl") -> str:
    return "".join(event["text"] for event in events(body) if event["event"] == kind)


def test_an_answer_comes_in_the_documented_order(kimi: Simulator, classic: Client) -> None:
    kimi.settings(tame=True)
    answer = classic.complete(classic.new_chat(), model="k1", use_search=True)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert kinds(answer.content) == [
        "req", "resp", "rename", "search_plus", "k1", "cmpl", "ref_docs", "done", "all_done",
    ]  # fmt: skip
    assert "simulated thinking" in text_of(answer.content, "k1")


def test_without_thinking_and_search_there_is_neither(kimi: Simulator, classic: Client) -> None:
    kimi.settings(tame=True)
    answer = classic.complete(classic.new_chat(), model="kimi", use_search=False)
    assert kinds(answer.content) == ["req", "resp", "rename", "cmpl", "done", "all_done"]


def test_only_the_first_message_is_read(kimi: Simulator, classic: Client) -> None:
    messages = [{"role": "user", "content": "the first"}, {"role": "user", "content": "the second"}]
    answer = classic.complete(classic.new_chat(), messages=messages)
    assert "You said: the first\n" in text_of(answer.content)
    assert "the second" not in text_of(answer.content)
    assert kimi.seen("classic")[-1]["prompt"] == "the first"


def test_a_merged_history_is_answered_by_its_last_turn(classic: Client) -> None:
    answer = classic.complete(classic.new_chat(), "system:be brief\nuser:one\nassistant:1\nuser:two 二")
    assert "You said: two 二\n" in text_of(answer.content)


def test_chats_are_made_listed_and_deleted(kimi: Simulator, classic: Client) -> None:
    made = classic.call("POST", "/api/chat", {"name": "甲", "is_example": False, "kimiplus_id": "kimi"}).json()
    assert len(made["id"]) == 20
    assert made["name"] == "甲"
    listed = classic.call("POST", "/api/chat/list", {"kimiplus_id": "", "offset": 0, "size": 10}).json()
    assert ([item["id"] for item in listed["items"]], listed["total"]) == ([made["id"]], 1)
    assert classic.call("DELETE", f"/api/chat/{made['id']}").status_code == 200
    gone = classic.call("DELETE", f"/api/chat/{made['id']}")
    assert gone.status_code == 404
    assert gone.json().keys() >= {"error_type", "message"}
    assert kimi.account("classic")["chats_alive"] == 0


def test_a_deleted_chat_answers_no_more(classic: Client) -> None:
    assert classic.complete("0123456789abcdefghij").status_code == 404


def test_one_stream_an_account(kimi: Simulator, classic: Client) -> None:
    kimi.fault("hang", texts=1)
    with classic.complete(classic.new_chat(), stream=True):
        refused = Client(kimi, classic.account, classic.access).complete(classic.new_chat())
    assert (refused.status_code, refused.json()["error_type"]) == (429, "chat.user_stream_pushing")
    until(lambda: kimi.account("classic")["open_streams"] == 0, what="the stream is given back")
    assert classic.complete(classic.new_chat()).status_code == 200


def test_an_answer_goes_on_after_its_limit(kimi: Simulator, classic: Client) -> None:
    chat_id = classic.new_chat()
    kimi.fault("length", texts=4)
    first = classic.complete(chat_id)
    req = next(event["id"] for event in events(first.content) if event["event"] == "req")
    assert [kind for kind in kinds(first.content) if kind in ("length", "all_done")] == ["length", "all_done"]
    wanted: dict[str, Any] = {"segment_id": req, "action": "continue", "messages": [{"role": "user", "content": " "}]}
    second = classic.complete(chat_id, **wanted)
    assert (text_of(first.content) + text_of(second.content)).endswith("完。")
    assert classic.complete(chat_id, **wanted).status_code == 400, "there is nothing left"


def test_long_answers_stop_again_and_again_until_all_is_said(kimi: Simulator, classic: Client) -> None:
    kimi.settings(answer="一二三四五六七八九十" * 10, answer_limit=40)
    chat_id = classic.new_chat()
    bodies = [classic.complete(chat_id).content]
    req = next(event["id"] for event in events(bodies[0]) if event["event"] == "req")
    while "length" in kinds(bodies[-1]):
        wanted: dict[str, Any] = {"segment_id": req, "action": "continue"}
        bodies.append(classic.complete(chat_id, " ", **wanted).content)
    assert len(bodies) == 3
    assert "".join(map(text_of, bodies)) == "一二三四五六七八九十" * 10


def test_a_text_that_draws_on_a_search_has_marks_split_over_events(kimi: Simulator, classic: Client) -> None:
    kimi.settings(answer="月亮很远。The moon.")
    body = classic.complete(classic.new_chat(), use_search=True).content
    pieces = [event["text"] for event in events(body) if event["event"] == "cmpl"]
    assert "[^1^][^2^][^99^]" in "".join(pieces), "the last one speaks of nothing"
    assert not any("[^1^]" in piece for piece in pieces)


def test_sources_may_not_be_told_before_they_are_asked_for(kimi: Simulator, classic: Client) -> None:
    kimi.fault("answer", text="The moon.", cards=False)
    chat_id = classic.new_chat()
    body = classic.complete(chat_id, use_search=True).content
    assert "ref_docs" not in kinds(body)
    assert b"example.com" not in body
    resp = next(event["id"] for event in events(body) if event["event"] == "resp")
    answer = classic.call("POST", "/api/chat/segment/v3/rag-refs", {"queries": [{"chat_id": chat_id, "sid": resp}]})
    assert len(answer.json()["items"][0]["refs"]) == 2


def test_research_is_silent_for_long_and_is_used_up(kimi: Simulator, classic: Client) -> None:
    kimi.settings(research_silence=0.05)
    kimi.account("classic", research=1)
    body = classic.complete(classic.new_chat(), use_research=True).content
    assert "search_plus" in kinds(body)
    assert classic.call("GET", "/api/chat/research/usage").json()["remain"] == 0
    refused = classic.complete(classic.new_chat(), use_research=True)
    assert (refused.status_code, refused.json()["error_type"]) == (403, "chat.research_limit")


def test_a_running_answer_can_be_cancelled(kimi: Simulator, classic: Client) -> None:
    kimi.settings(events=2000, event_delay=0.01, tame=True)
    chat_id = classic.new_chat()
    with classic.complete(chat_id, stream=True) as answer:
        lines = answer.iter_lines()
        segment = next(line for line in lines if b'"resp"' in line).split(b'"id":"')[1][:20].decode()
        other = Client(kimi, classic.account, classic.access)
        assert other.call("POST", f"/api/chat/{chat_id}/cancel", {"segment_id": segment}).status_code == 200
        assert [line for line in lines if line][-1].endswith(b'{"event":"all_done"}')


def test_sources_can_be_asked_for_afterwards(classic: Client) -> None:
    chat_id = classic.new_chat()
    body = classic.complete(chat_id, use_search=True).content
    resp = next(event["id"] for event in events(body) if event["event"] == "resp")
    queries = [{"chat_id": chat_id, "sid": resp, "z_idx": 0}]
    answer = classic.call("POST", "/api/chat/segment/v3/rag-refs", {"queries": queries}).json()
    assert answer["items"][0]["refs"][0] == {
        "ref_id": "1",
        "ref_doc": {"title": "甲 Alpha 🌍", "url": "https://example.com/a"},
    }


def test_the_account_tells_who_it_is_and_what_research_is_left(classic: Client) -> None:
    assert classic.call("GET", "/api/user").json()["id"] == classic.account["sub"]
    assert classic.call("GET", "/api/chat/research/usage").json() == {"remain": 20, "total": 20, "used": 0}


def test_a_missing_token_is_told_from_a_wrong_one(kimi: Simulator, classic: Client) -> None:
    bare = requests.get(f"{kimi.url}/api/user", timeout=5)
    assert (bare.status_code, bare.json()["error_type"]) == (401, "auth.token.empty")
    classic.access = classic.account["refresh_token"]
    assert classic.call("GET", "/api/user").json()["error_type"] == "auth.token.invalid", (
        "a refresh token lets nobody in"
    )


def upload(client: Client, name: str, action: str) -> str:
    """A file by all three steps; its id."""
    signed = client.call("POST", "/api/pre-sign-url", {"action": action, "name": name}).json()
    put = requests.put(signed["url"], data=b"\x89PNG", headers={"Content-Type": "image/png"}, timeout=5)
    assert put.status_code == 200
    wanted = {"type": action, "name": name, "object_name": signed["object_name"], "file_id": signed["file_id"]}
    file = client.call("POST", "/api/file", wanted).json()
    assert (file["size"], file["status"]) == (4, "pending")
    ready = client.call("POST", "/api/file", wanted).json()
    assert ready["status"] == ("initialized" if action == "image" else "parsed")
    return str(ready["id"])


def test_files_are_uploaded_and_given_to_a_chat(kimi: Simulator, classic: Client) -> None:
    image, document = upload(classic, "猫.png", "image"), upload(classic, "a.pdf", "file")
    parsed = events(classic.call("POST", "/api/file/parse_process", {"ids": [document]}).content)
    assert parsed[0]["file_info"]["status"] == "parsed"
    chat_id = classic.new_chat()
    req = events(classic.complete(chat_id, refs=[image, document]).content)
    assert next(event["refs"] for event in req if event["event"] == "req") == [image, document]
    assert classic.complete(chat_id, refs=["unknown"]).status_code == 400
    assert kimi.account("classic")["uploads"] == 2


def test_a_prompt_can_be_too_long(classic: Client) -> None:
    refused = classic.complete(classic.new_chat(), "长" * 200_001)
    assert refused.json()["error_type"] == "openai.completion.token_length_too_long"


def test_streams_that_run_together_are_counted(kimi: Simulator) -> None:
    clients = [Client(kimi, kimi.mint(kind="kimi-classic")).classic_log_in() for _ in range(5)]
    kimi.fault("hang", times=None, texts=1)
    answers = [client.complete(client.new_chat(), stream=True) for client in clients]
    assert kimi.state()["totals"]["open_streams"] == 5
    threads = [threading.Thread(target=answer.close) for answer in answers]
    for thread in threads:
        thread.start()
    totals = until(lambda: (state := kimi.state()["totals"])["open_streams"] == 0 and state, what="all are closed")
    for thread in threads:
        thread.join()
    assert (totals["peak_streams"], totals["closed_by_peer"]) == (5, 5)
