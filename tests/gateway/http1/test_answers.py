from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.answers import MOST_HEADERS, Answer
from kimi.http.contract import MAX_FRAMING_BYTES, Malformed

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "sized": (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", b"", True),
    "chunked": (CHUNKED + b"2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\n\r\n", b"hello", True),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nLink: z\r\nX: y\r\n\r\n", b"hello", True),
    "informed": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK
                 + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    "closing": (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
}  # fmt: skip


def fed(*portions: bytes, method: str = "GET") -> Answer:
    answer = Answer(method)
    for portion in portions:
        answer.feed(portion)
    return answer


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_the_same_however_it_is_cut(name: str) -> None:
    data, body, kept = WHOLE[name]
    cuts = [[data[:at], data[at:]] for at in range(1, len(data))]
    for portions in ([data], [bytes([one]) for one in data], *cuts):
        answer = fed(*portions)
        assert answer.is_complete
        assert (b"".join(answer.pieces), answer.is_kept) == (body, kept)
        assert "x" not in answer.headers and "link" not in answer.headers


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    st.lists(st.integers(min_value=0, max_value=600), max_size=10),
)
def test_chunks_are_joined_wherever_they_are_cut(chunks: list[bytes], cuts: list[int]) -> None:
    data = CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    at = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    answer = fed(*(data[start:end] for start, end in pairwise(at)))
    assert (answer.is_complete, answer.is_kept, b"".join(answer.pieces)) == (True, True, b"".join(chunks))


@pytest.mark.parametrize("name", [name for name, (_, _, kept) in WHOLE.items() if kept])
def test_an_answer_that_is_cut_off_is_not_whole(name: str) -> None:
    data, _, _ = WHOLE[name]
    for size in range(len(data)):
        answer = fed(*([data[:size]] if size else []))
        assert not answer.is_complete
        with pytest.raises(Malformed):
            answer.feed(b"")


def test_a_body_of_unknown_length_lasts_until_the_connection_is_closed() -> None:
    answer = fed(OK + b"X: 1\r\n\r\nhel", b"lo")
    assert not answer.is_complete
    answer.feed(b"")
    assert (b"".join(answer.pieces), answer.is_complete, answer.is_kept) == (b"hello", True, False)


@pytest.mark.parametrize("behind", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"\x00"])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("name", ["sized", "chunked", "closing"])
def test_a_connection_with_something_behind_the_answer_is_not_kept(name: str, at_once: bool, behind: bytes) -> None:
    data, body, _ = WHOLE[name]
    answer = fed(data + behind) if at_once else fed(data, behind)
    assert (b"".join(answer.pieces), answer.status, answer.is_complete, answer.is_kept) == (body, 200, True, False)


def test_the_answer_to_head_has_no_body() -> None:
    answer = fed(OK + b"Content-Length: 5\r\n\r\n", method="HEAD")
    assert (answer.is_complete, answer.headers["content-length"]) == (True, "5")


def test_headers_are_found_in_any_case_and_joined() -> None:
    headers = fed(OK + b"X-A: 1\r\nx-a: 2\r\nB:  \xe9 \r\nContent-Length: 0\r\n\r\n").headers
    assert (headers["x-A"], headers.get("b"), headers.get("c")) == ("1, 2", "é", None)
    assert dict(headers) == {"x-a": "1, 2", "b": "é", "content-length": "0"}
    assert len(headers) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x00\xa5",
        b"HTTP/1.1 099 What\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nabc",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        OK + b"X : 1\r\n\r\n",
        OK + b"X: a\x00b\r\n\r\n",
        OK + b"X: a\r\n folded\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n",
    ],
)
def test_what_is_no_http_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        fed(data)


def test_what_came_before_the_fault_can_be_taken_first() -> None:
    answer = fed(CHUNKED + b"2\r\nab\r\nzz\r\n")
    assert answer.pieces == [b"ab"]
    answer.pieces.clear()
    with pytest.raises(Malformed, match="chunk size"):
        answer.feed(b"more")


@pytest.mark.parametrize(
    "start",
    [b"", OK + b"X: ", OK, CHUNKED + b"5;", CHUNKED + b"0\r\nX: "],
    ids=["status", "value", "names", "extension", "trailer"],
)
def test_nothing_but_the_body_may_be_endless(start: bytes) -> None:
    filler = b"a: %b\r\n" % (b"x" * 4091) if start == OK else b"x" * 4096
    if not start:
        start, filler = b"HTTP/1.1 200 ", b"O" * 4096
    with pytest.raises(Malformed, match="no body"):
        fed(start, *[filler] * (MAX_FRAMING_BYTES // 4096 + 3))


@pytest.mark.parametrize("line", [b"a:\r\n", b"b: c\r\n"])
def test_there_are_not_more_headers_than_any_server_sends(line: bytes) -> None:
    assert fed(OK + line * (MOST_HEADERS - 1) + b"Content-Length: 0\r\n\r\n").is_complete
    with pytest.raises(Malformed, match="headers"):
        fed(OK + line * (MOST_HEADERS + 1) + b"\r\n")


def test_a_long_body_is_no_framing() -> None:
    answer = fed(OK + b"\r\n")
    for _ in range(64):
        answer.feed(b"x" * 8192)
        answer.pieces.clear()
    assert not answer.is_complete
