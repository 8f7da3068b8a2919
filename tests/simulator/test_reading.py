"""What an answer proves to have been read: links, files, images, and what was said before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import requests

from simulator.reading import plain_links, wrapped_links
from tests.simulator.clients import Client, connect_text, events, frames

if TYPE_CHECKING:
    from tests.simulator.running import Simulator

PNG = b"\x89PNG\r\n\x1a\n and so on"
WRAPPED = '<url id="" type="url" status="" title="" wc="">{}</url>'
READ = "files: {files}; images: {images}; links: {links}; before: {history}"
PROGRESS = "/apiv2-files/kimi.gateway.file.v1.FileService/GetFileParseProgress"


def text_of(body: bytes) -> str:
    return "".join(event["text"] for event in events(body) if event["event"] == "cmpl")


def put(url: str, content: Any, **headers: str) -> requests.Response:
    return requests.put(url, data=content, headers={"Content-Type": "application/pdf", **headers}, timeout=5)


def signed(client: Client, name: str, action: str = "file") -> dict[str, str]:
    answer: dict[str, str] = client.call("POST", "/api/pre-sign-url", {"action": action, "name": name}).json()
    return answer


def register(client: Client, name: str, action: str, object_name: str, file_id: str = "") -> dict[str, Any]:
    wanted = {"type": action, "name": name, "object_name": object_name, "file_id": file_id}
    client.call("POST", "/api/file", wanted)  # not ready yet
    file: dict[str, Any] = client.call("POST", "/api/file", wanted).json()
    return file


def upload(client: Client, name: str, content: bytes, action: str = "file") -> str:
    """A file that the account can read, by all its steps; its id."""
    where = signed(client, name, action)
    media = "image/png" if action == "image" else "application/pdf"
    assert put(where["url"], content, **{"Content-Type": media}).status_code == 200
    return str(register(client, name, action, where["object_name"], where["file_id"])["id"])


@pytest.mark.parametrize(
    ("link", "is_read"),
    [
        ("https://example.com/a", True),
        ("http://127.0.0.1:8080/a?b=c&d=%20#e", True),
        ("https://bücher.example/ü", True),
        ("https://例子.中国/a", True),
        ("https://example.com/a.", False),
        ("https://example.com/a。", False),
        ("https://example.com/a看看", False),
        ("https://example.com看看", False),
        ("https://example.com/a)", False),
        ("example.com/a", False),
    ],
)
def test_a_wrapped_link_is_read_when_it_is_whole(link: str, is_read: bool) -> None:
    assert wrapped_links(f"看 {WRAPPED.format(link)}") == ((link,) if is_read else ())


def test_a_link_that_is_not_wrapped_is_not_read() -> None:
    assert wrapped_links("see https://example.com/a") == ()
    assert wrapped_links("see <url>https://example.com/a</url>") == ()


def test_bare_links_are_what_a_browser_would_open() -> None:
    links = ("https://example.com/a?b=1", "http://example.org")
    assert plain_links("看https://example.com/a?b=1，以及 http://example.org。") == links


def test_classic_reads_wrapped_links_and_files_but_not_beside_a_search(kimi: Simulator, classic: Client) -> None:
    kimi.settings(answer=READ)
    refs = [upload(classic, "a.pdf", b"%PDF"), upload(classic, "cat.png", PNG, "image")]
    asked = "see " + WRAPPED.format("https://example.com/a")
    assert text_of(classic.complete(classic.new_chat(), asked, refs=refs).content) == (
        "files: a.pdf; images: cat.png; links: https://example.com/a; before: "
    )
    disturbed = classic.complete(classic.new_chat(), asked, refs=refs, use_search=True)
    assert "files: ; images: ; links: ;" in text_of(disturbed.content)
    assert kimi.seen("classic")[-1]["read"] == {"history": [], "files": [], "images": [], "links": []}


def test_an_image_that_came_as_a_document_is_not_seen(kimi: Simulator, classic: Client) -> None:
    kimi.settings(answer=READ)
    refs = [upload(classic, "cat.png", PNG)]
    assert "files: ; images: ;" in text_of(classic.complete(classic.new_chat(), refs=refs).content)


def test_a_file_is_known_to_its_account_only(kimi: Simulator, classic: Client) -> None:
    other = Client(kimi, kimi.mint(kind="kimi-classic", name="other")).classic_log_in()
    file_id = upload(other, "a.pdf", b"%PDF")
    assert classic.complete(classic.new_chat(), refs=[file_id]).status_code == 400


def test_what_describes_the_refs_has_to_be_of_them(classic: Client) -> None:
    file_id = upload(classic, "a.pdf", b"%PDF")
    chat_id = classic.new_chat()
    assert classic.complete(chat_id, refs=[file_id], refs_file=[{"id": file_id}]).status_code == 200
    assert classic.complete(chat_id, refs=[], refs_file=[{"id": file_id}]).status_code == 400


def test_the_object_store_takes_exactly_what_was_announced(kimi: Simulator, classic: Client) -> None:
    where = signed(classic, "甲 a.pdf")
    assert where["file_id"] == ""
    assert put(where["url"], iter([b"in ", b"chunks"])).status_code == 411
    assert put(where["url"], b"%PDF", Authorization="Bearer x").status_code == 400
    assert put(where["url"], b"%PDF", **{"Content-Type": "a file"}).status_code == 403
    assert put(where["url"].partition("?")[0], b"%PDF").status_code == 403
    assert put(where["url"], b"%PDF").status_code == 200
    assert put(where["url"], b"once more").status_code == 403
    (file,) = kimi.control("GET", "files?account=classic")
    assert (file["name"], file["type"], file["size"], file["status"]) == ("甲 a.pdf", "file", 4, "pending")
    assert (file["content_type"], file["digest"]) == ("application/pdf", hashlib.sha256(b"%PDF").hexdigest())


def test_an_image_goes_to_the_store_as_one(classic: Client) -> None:
    where = signed(classic, "cat.png", "image")
    assert where["file_id"]
    assert put(where["url"], PNG).status_code == 403
    assert put(where["url"], PNG, **{"Content-Type": "image/png"}).status_code == 200
    assert register(classic, "cat.png", "file", where["object_name"]).get("error_type"), "it is no document"


def test_the_store_fails_when_it_is_told_to(kimi: Simulator, classic: Client) -> None:
    kimi.fault("http", status=503, match={"endpoint": "bytes", "account": "classic"})
    where = signed(classic, "a.pdf")
    assert [put(where["url"], b"%PDF").status_code for _ in range(2)] == [503, 200]


def test_a_file_that_cannot_be_read_says_so(classic: Client, web: Client) -> None:
    where = signed(classic, "broken.pdf")
    put(where["url"], b"%PDF")
    assert register(classic, "broken.pdf", "file", where["object_name"])["status"] == "failed"
    sent = web.call("POST", "/apiv2-files/file/upload", files={"file": ("broken.pdf", b"%PDF", "application/pdf")})
    file_id = sent.json()["file"]["id"]
    statuses = [web.call("POST", PROGRESS, {"file_ids": [file_id]}).json()["progresses"][0]["status"] for _ in "ab"]
    assert statuses == ["PROCESS_STATUS_PROCESSING", "PROCESS_STATUS_FAILED"]


def test_a_native_turn_knows_those_before_it(kimi: Simulator, classic: Client) -> None:
    kimi.settings(answer="{history}|")
    chat_id = classic.new_chat()
    first = text_of(classic.complete(chat_id, "one", refs=[upload(classic, "a.pdf", b"%PDF")]).content)
    second = text_of(classic.complete(chat_id, "two").content)
    assert (first, second) == ("|", "user:one [a.pdf] | assistant:||")
    (chat,) = kimi.control("GET", "chats?account=classic")
    assert [turn["text"] for turn in chat["turns"]] == ["one", "|", "two", second]


def test_a_chat_that_its_owner_deletes_is_gone(kimi: Simulator, classic: Client) -> None:
    chat_id = classic.new_chat()
    assert kimi.control("DELETE", "chats?account=classic") == {"dropped": 1}
    assert classic.complete(chat_id).status_code == 404


def test_a_chat_is_as_long_as_all_that_was_said_in_it(kimi: Simulator, classic: Client) -> None:
    kimi.settings(max_prompt=1000, answer="ok")
    chat_id = classic.new_chat()
    assert classic.complete(chat_id, "x" * 600).status_code == 200
    assert classic.complete(chat_id, "x" * 600).json()["error_type"] == "openai.completion.token_length_too_long"


def turn(body: bytes) -> tuple[str, str]:
    """The chat of an answer, and the answer's id."""
    messages = [message for _, message in frames(body)]
    answer = next(m["message"] for m in messages if m.get("mask") == "message" and m["message"]["role"] == "assistant")
    return next(m["chat"]["id"] for m in messages if "chat" in m), answer["id"]


def test_connect_remembers_the_way_to_the_parent_and_no_other(kimi: Simulator, web: Client) -> None:
    kimi.settings(answer="{history}|{system}")
    chat_id, first = turn(web.chat("one", options={"system_prompt": "be brief"}).content)
    web.chat("two", chat_id=chat_id, message={"parent_id": first})
    aside = connect_text(frames(web.chat("three", chat_id=chat_id, message={"parent_id": first}).content))
    assert aside == "user:one | assistant:|be brief|"


@pytest.mark.parametrize("parent", ["", "none"])
def test_connect_goes_on_from_an_answer_only(web: Client, parent: str) -> None:
    chat_id, _ = turn(web.chat("one").content)
    refused = frames(web.chat("two", chat_id=chat_id, message={"parent_id": parent}).content)
    assert any("parent_id" in str(message.get("error")) for _, message in refused)


def test_connect_reads_files_that_are_processed(kimi: Simulator, web: Client) -> None:
    kimi.settings(answer=READ)
    ids = [
        web.call("POST", "/apiv2-files/file/upload", files={"file": file}).json()["file"]["id"]
        for file in (("a.txt", b"text", "text/plain"), ("cat.png", PNG, "image/png"))
    ]
    blocks: list[dict[str, Any]] = [{"text": {"content": "read"}}]
    blocks += [{"file": {"id": file_id, "status": "PROCESS_STATUS_SUCCESS"}} for file_id in ids]
    early = web.chat(message={"blocks": blocks}).content
    assert b"not processed" in early
    for _ in range(2):
        web.call("POST", PROGRESS, {"file_ids": ids})
    answer = connect_text(frames(web.chat(message={"blocks": blocks}).content))
    assert answer.startswith("files: a.txt; images: cat.png;")


def test_the_platform_says_what_came_in_parts(kimi: Simulator, official: Client) -> None:
    kimi.settings(answer=READ)
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    answer = official.ask(messages=[{"role": "user", "content": parts}]).json()["choices"][0]["message"]["content"]
    assert "images: data:image/png;base64,AAAA;" in answer
    parts[1] = {"type": "image_url"}
    assert official.ask(messages=[{"role": "user", "content": parts}]).status_code == 400
