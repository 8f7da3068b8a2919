"""Files and images: every shape of part, fetched or inline, uploaded once and read by the upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from openai import BadRequestError

from tests.features.asking import answers, ask, asked, complaint
from tests.features.kinds import OFFICIAL_MODEL, streaming
from tests.features.pages import Pages
from tests.features.parts import PDF, PNG, TEXT, data_url, part, question, unique, uploaded
from tests.system.stack import KEY, Stack


@pytest.mark.parametrize("kind", ["file", "file, kimi-free-api", "file_url", "input_file"])
def test_documents_inline(house: Stack, kind: str) -> None:
    content = unique(PDF, kind)
    answers(house, "I read {files}, saw {images}.")
    answer = ask(house, question(part(kind, data_url(content, "application/pdf"))))
    (file,) = uploaded(house, content)
    assert answer.text == f"I read {file['name']}, saw ."
    assert file["name"].endswith(".pdf")
    assert (file["type"], file["content_type"], file["size"]) == ("file", "application/pdf", len(content))


@pytest.mark.parametrize("kind", ["image_url", "image_url, bare", "input_image"])
def test_images_inline(house: Stack, kind: str) -> None:
    content = unique(PNG, kind)
    answers(house, "I read {files}, saw {images}.")
    answer = ask(house, question(part(kind, data_url(content, "image/png"))))
    (file,) = uploaded(house, content)
    assert answer.text == f"I read , saw {file['name']}."
    assert (file["type"], file["content_type"]) == ("image", "image/png")


@streaming
def test_documents_by_address(house: Stack, pages: Pages, streamed: bool) -> None:
    content = unique(PDF, f"address {streamed}")
    url = pages.put("/a/%E6%8A%A5%E5%91%8A.pdf", content, "application/pdf")
    answers(house, "I read {files}.")
    assert ask(house, question(part("file_url", url)), streamed=streamed).text == "I read 报告.pdf."
    assert uploaded(house, content)


def test_images_by_address_behind_a_redirect(house: Stack, pages: Pages) -> None:
    content = unique(PNG, "redirect")
    url = pages.move("/moved", pages.put("/cat.png", content, "image/png"))
    answers(house, "I saw {images}.")
    assert ask(house, question(part("image_url", url))).text == "I saw cat.png."


def test_types_are_found_out_and_not_believed(house: Stack, pages: Pages) -> None:
    content = unique(PNG, "sniffed")
    url = pages.put("/download", content, "text/plain")
    answers(house, "I read {files}, saw {images}.")
    assert ask(house, question(part("file_url", url))).text.startswith("I read , saw ")
    (file,) = uploaded(house, content)
    assert (file["type"], file["content_type"]) == ("image", "image/png")


def test_texts_and_several_files_at_once(house: Stack) -> None:
    contents = [unique(TEXT, "several"), unique(PDF, "several"), unique(PNG, "several")]
    medias = ["text/plain", "application/pdf", "image/png"]
    parts = [part("file_url", data_url(*pair)) for pair in zip(contents, medias, strict=True)]
    ask(house, question(*parts))
    read = asked(house)["read"]
    assert (len(read["files"]), len(read["images"])) == (2, 1)
    assert all(uploaded(house, content) for content in contents)


def test_a_file_switches_search_off_unless_it_is_asked_for(classic: Stack) -> None:
    parts = question(part("file", data_url(unique(PDF, "search"), "application/pdf")))
    ask(classic, parts)
    assert asked(classic)["body"]["use_search"] is False
    assert asked(classic)["read"]["files"] == ["plan.pdf"]
    ask(classic, parts, model="kimi-search")
    assert asked(classic)["body"]["use_search"] is True


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/a.pdf",
        "http://192.168.1.1/a.pdf",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a.pdf",
        "http://[::ffff:10.0.0.1]/a.pdf",
        "http://0x0a000001/a.pdf",
    ],
)
def test_addresses_that_are_not_public_are_refused(house: Stack, url: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file_url", url)))
    assert complaint(refused.value) == (400, "invalid_file", "messages[0].content[1]")
    assert "public" in str(refused.value), "nobody has tried whether it can be reached"


def test_nobody_comes_to_an_address_that_is_not_allowed(house: Stack, pages: Pages) -> None:
    """The same server by an address that reaches it as well."""
    address = pages.put("/not-allowed.pdf", PDF).replace("127.0.0.1", "0.0.0.0")  # noqa: S104  # it reaches this machine
    for url in (address, pages.move("/to-not-allowed", address)):
        with pytest.raises(BadRequestError):
            ask(house, question(part("file_url", url)))
    assert "/not-allowed.pdf" not in pages.fetched


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/a.pdf", "a.pdf"])
def test_what_is_no_address_of_a_file_is_refused(house: Stack, url: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file_url", url)))
    status, code, param = complaint(refused.value)
    assert (status, code) == (400, "invalid_file")
    assert str(param).startswith("messages[0].content[1]")


SURFACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "/v1/chat/completions": lambda url: {"messages": [{"role": "user", "content": [part("image_url", url)]}]},
    "/v1/responses": lambda url: {"input": [{"role": "user", "content": [part("input_image", url)]}]},
    "/v1/messages": lambda url: {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]}],
    },
}


@pytest.mark.parametrize("path", SURFACES)
def test_an_address_that_is_allowed_is_asked_in_its_own_form_only(classic: Stack, pages: Pages, path: str) -> None:
    host = pages.put("/own-form.png", PNG).removeprefix("http://").removesuffix("/own-form.png")
    port = host.rpartition(":")[2]
    forms = [
        f"http://2130706433:{port}/own-form.png",
        f"http://0x7f.1:{port}/own-form.png",
        f"http://127.0.0.1.:{port}/own-form.png",
        f"http://me:hush@{host}/own-form.png",
        f"http://public.example\\@{host}/own-form.png",
        f"http://{host}/own-form.png\r\nX: y",
        f"gopher://{host}/own-form.png",
        pages.move("/to-own-form", f"http://me:hush@{host}/own-form.png"),
    ]
    for url in forms:
        refused = requests.post(
            f"{classic.url}{path}",
            json={"model": "kimi", **SURFACES[path](url)},
            headers={"x-api-key": KEY},
            timeout=10,
        )
        error = refused.json()["error"]
        assert (refused.status_code, error["type"]) == (400, "invalid_request_error"), url
        assert path == "/v1/messages" or error["code"] == "invalid_file", url
        assert "hush" not in refused.text
    assert "/own-form.png" not in pages.fetched


def test_a_redirect_to_an_address_that_is_not_public_is_refused(house: Stack, pages: Pages) -> None:
    url = pages.move("/inside", "http://10.0.0.1/secret")
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file_url", url)))
    assert "public" in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_the_reason(house: Stack, pages: Pages) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file_url", pages.address("/missing.pdf"))))
    assert "missing.pdf" in str(refused.value)
    assert "404" in str(refused.value)


def test_a_file_that_kimi_cannot_read_is_named(house: Stack) -> None:
    broken = {
        "type": "file",
        "file": {"filename": "broken.pdf", "file_data": data_url(unique(PDF, "broken"), "application/pdf")},
    }
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(broken))
    assert "broken.pdf" in str(refused.value)
    assert complaint(refused.value)[2] == "messages[0].content[1]"


def test_base64_that_is_none_is_refused(house: Stack) -> None:
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file", "data:application/pdf;base64,~~~")))
    assert complaint(refused.value)[:2] == (400, "invalid_file")


def test_the_platform_gets_parts_as_they_came(house: Stack) -> None:
    url = data_url(PNG, "image/png")
    ask(house, question(part("image_url", url)), model=OFFICIAL_MODEL)
    assert asked(house)["body"]["messages"][0]["content"] == question(part("image_url", url))


def test_a_file_that_is_too_large_is_refused(house: Stack, pages: Pages) -> None:
    url = pages.put_large("/larger.pdf", lambda: [b"%PDF-1.4"], 101 * 1024 * 1024, "application/pdf")
    with pytest.raises(BadRequestError) as refused:
        ask(house, question(part("file_url", url)))
    assert complaint(refused.value)[:2] == (400, "invalid_file")
    assert "larger.pdf" in str(refused.value)
