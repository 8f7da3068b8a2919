from __future__ import annotations

import pytest

from gateway.http1.heads import head

OWN = {"Host": "kimi.invalid"}


def lines(**headers: str) -> list[str]:
    made, _ = head("POST", "/a?b", OWN, headers, 5)
    return made.decode().split("\r\n")


def test_a_head_says_where_to_who_and_how_long() -> None:
    assert lines(Authorization="Bearer x") == [
        "POST /a?b HTTP/1.1",
        "Host: kimi.invalid",
        "User-Agent: Mozilla/5.0 (compatible; kimi-gateway)",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Authorization: Bearer x",
        "Content-Length: 5",
        "",
        "",
    ]


def test_what_the_caller_says_goes_before_what_every_request_says() -> None:
    made, _ = head("GET", "/", OWN, {"accept": "text/plain", "HOST": "other.invalid"}, None)
    assert b"accept: text/plain" in made and b"Accept: " not in made
    assert b"HOST: other.invalid" in made and b"kimi.invalid" not in made


def test_heads_with_the_same_names_say_each_its_own() -> None:
    one, one_closes = head("GET", "/1", OWN, {"X": "%s", "Connection": "close"}, None)
    two, two_closes = head("GET", "/2", OWN, {"X": "{y}", "Connection": "x"}, None)
    assert (one_closes, two_closes) == (True, False)
    assert one.startswith(b"GET /1 ") and one.endswith(b"X: %s\r\nConnection: close\r\n\r\n")
    assert two == one.replace(b"/1 ", b"/2 ").replace(b"%s", b"{y}").replace(b"close", b"x")
    other, _ = head("GET", "/1", {"Host": "other.invalid"}, {"X": "%s", "Connection": "close"}, None)
    assert other == one.replace(b"kimi.invalid", b"other.invalid")


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "Ü"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="no method"):
        head(method, "/", OWN, {}, None)


@pytest.mark.parametrize(
    ("method", "size", "said"),
    [("GET", None, None), ("HEAD", None, None), ("DELETE", None, "0"), ("POST", 0, "0"), ("PUT", 7, "7")],
)
def test_the_size_of_a_body_is_said_where_there_can_be_one(method: str, size: int | None, said: str | None) -> None:
    made, _ = head(method, "/", OWN, {"Content-Length": "99", "Transfer-Encoding": "chunked"}, size)
    expected = [] if said is None else [f"Content-Length: {said}"]
    assert [line for line in made.decode().split("\r\n") if line.startswith(("Content-", "Transfer-"))] == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, False), ({"Connection": "close"}, True), ({"connection": "Close"}, True), ({"Connection": "x"}, False)],
)
def test_a_connection_of_its_own_can_be_asked_for(headers: dict[str, str], expected: bool) -> None:
    assert head("GET", "/", OWN, headers, None)[1] is expected


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb", "a\x00b", "a\x7fb", "你"])
def test_a_value_that_would_say_something_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"control|latin-1"):
        head("GET", "/", OWN, {"X": value}, None)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ü"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no header"):
        head("GET", "/", OWN, {name: "x"}, None)


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: b", "/a\x00"])
def test_a_target_that_would_say_something_else_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"no target|control"):
        head("GET", target, OWN, {}, None)


def test_tabs_and_latin_letters_may_stand_in_values() -> None:
    assert b"X: a\tb \xe9\r\n" in head("GET", "/", OWN, {"X": "a\tb é"}, None)[0]
