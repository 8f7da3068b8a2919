from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.files.dataurls import NotDecodable, media_of, pieces

LONG = random.Random(1).randbytes(300_001)


def decoded(url: str) -> bytes:
    return b"".join(pieces(url))


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:text/plain;base64,aGVsbG8=", b"hello"),
        ("data:text/plain;base64,aGVsbG8", b"hello"),
        ("DATA:;BASE64,aGVs\r\n bG8=", b"hello"),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8%3D", b"hello"),
        ("data:;base64,-_-_", b"\xfb\xff\xbf"),
        ("data:;base64,", b""),
        ("data:,hello%20world", b"hello world"),
        ("data:text/plain,a%,%2", b"a%,%2"),
        ("data:text/plain,%E4%BD%A0", "你".encode()),
        ("data:text/plain,你", "你".encode()),
    ],
)
def test_content_is_decoded(url: str, content: bytes) -> None:
    assert decoded(url) == content


@pytest.mark.parametrize("lines", [False, True])
def test_long_content_comes_in_pieces(lines: bool) -> None:
    encoded = (base64.encodebytes if lines else base64.b64encode)(LONG).decode()
    found = list(pieces(f"data:application/pdf;base64,{encoded}"))
    assert b"".join(found) == LONG
    assert max(map(len, found)) < 100_000 and len(found) > 5


@given(st.binary(max_size=200), st.integers(0, 3))
def test_escapes_may_be_cut_anywhere(content: bytes, shift: int) -> None:
    filler = "x" * (64 * 1024 - 100 + shift)
    escaped = "".join(f"%{byte:02x}" for byte in content)
    assert decoded(f"data:,{filler}{escaped}") == filler.encode() + content


@pytest.mark.parametrize(
    "url",
    [
        "data:text/plain;base64",
        "data:;base64,a",
        "data:;base64,aGV$",
        "data:;base64,aGVsbG8=aGVs",
        "data:;base64,aGVsbG8=====",
        "data:;base64,你好",
        "data:;base64," + "QUJD" * 16384 + "=" * 4,
        "data:" + "x" * 5000 + ",",
        "http://example.com/a,b",
    ],
)
def test_what_is_not_encoded_as_it_says_is_refused(url: str) -> None:
    with pytest.raises(NotDecodable):
        decoded(url)


@pytest.mark.parametrize(
    ("url", "media"),
    [("data:Image/PNG;base64,", "image/png"), ("data:,", ""), ("data:;base64,", ""), ("data:text/csv,a", "text/csv")],
)
def test_the_type_that_it_states(url: str, media: str) -> None:
    assert media_of(url) == media
