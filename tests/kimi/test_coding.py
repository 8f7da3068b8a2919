from __future__ import annotations

import gzip
import zlib

import pytest

from kimi.http.coding import FREE_BYTES, MOST_FOLD, PIECE_BYTES, inflater
from kimi.http.contract import Malformed

TEXT = b"hello, " * 40


def bare(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "x-gzip": ("X-GZIP", gzip.compress(TEXT)),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "bare deflate": ("deflate", bare(TEXT)),
}


def read(coding: str, *portions: bytes) -> bytes:
    inflating = inflater(coding)
    assert inflating
    found = b"".join(piece for portion in portions for piece in inflating.inflate(portion))
    inflating.end()
    return found


@pytest.mark.parametrize("name", CODED)
def test_a_compressed_body_is_read_however_it_is_cut(name: str) -> None:
    coding, data = CODED[name]
    for at in range(1, len(data)):
        assert read(coding, data[:at], data[at:]) == TEXT
    assert read(coding, *(bytes([one]) for one in data)) == TEXT


@pytest.mark.parametrize("name", CODED)
def test_a_compressed_body_that_breaks_off_is_not_whole(name: str) -> None:
    coding, data = CODED[name]
    for size in range(1, len(data)):
        with pytest.raises(Malformed):
            read(coding, data[:size])


@pytest.mark.parametrize(("coding", "data"), [("gzip", b"no gzip"), ("deflate", b"\xff\xff\xff"), ("gzip", TEXT)])
def test_what_is_not_compressed_is_refused(coding: str, data: bytes) -> None:
    with pytest.raises(Malformed):
        read(coding, data)


def test_nothing_may_stand_behind_it() -> None:
    with pytest.raises(Malformed, match="behind"):
        read("gzip", gzip.compress(TEXT) + b"x")


def test_an_empty_body_needs_no_header() -> None:
    assert read("gzip") == b""


def test_a_bomb_comes_in_pieces() -> None:
    inflating = inflater("gzip")
    assert inflating
    sizes = [len(piece) for piece in inflating.inflate(gzip.compress(bytes(5 * PIECE_BYTES + 1)))]
    assert sizes == [PIECE_BYTES] * 5 + [1]
    inflating.end()


def test_a_bomb_is_not_read_to_its_end() -> None:
    bomb = gzip.compress(bytes(20 * FREE_BYTES))
    inflating = inflater("gzip")
    assert inflating
    sizes: list[int] = []
    with pytest.raises(Malformed, match="more than 100 times"):
        sizes.extend(map(len, inflating.inflate(bomb)))
    assert sum(sizes) <= FREE_BYTES + MOST_FOLD * len(bomb) < 4 * FREE_BYTES


@pytest.mark.parametrize("portion", [100, 10_000_000])
def test_what_repeats_itself_as_streams_do_is_no_bomb(portion: int) -> None:
    events = b"".join(b'data: {"event":"cmpl","text":"%d","view":"cmpl"}\n\n' % number for number in range(60_000))
    packed = gzip.compress(events, 9)
    assert len(events) > 2 * FREE_BYTES

    assert read("gzip", *(packed[at : at + portion] for at in range(0, len(packed), portion))) == events


@pytest.mark.parametrize("coding", [None, "", "identity", " Identity "])
def test_most_bodies_come_as_they_are(coding: str | None) -> None:
    assert inflater(coding) is None


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_what_nobody_can_read_is_refused(coding: str) -> None:
    with pytest.raises(Malformed):
        inflater(coding)
