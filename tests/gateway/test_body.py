from __future__ import annotations

from io import BytesIO

import pytest
from gunicorn.http.errors import InvalidChunkSize, NoMoreData

from gateway.body import read_body
from gateway.errors import BodyIncomplete, BodyTooLarge


class BrokenInput:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _size: int) -> bytes:
        raise self.error


def declared(body: bytes, length: int | None = None) -> dict[str, object]:
    return {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body) if length is None else length)}


def chunked(body: bytes) -> dict[str, object]:
    return {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True}


def test_a_body_of_declared_length_is_read() -> None:
    assert read_body(declared(b"12345"), 5) == b"12345"


def test_no_more_than_the_declared_length_is_read() -> None:
    assert read_body(declared(b"12345next request", 5), 5) == b"12345"


def test_a_chunked_body_is_read_to_its_end() -> None:
    assert read_body(chunked(b"12345"), 5) == b"12345"


def test_without_a_length_or_a_known_end_there_is_no_body() -> None:
    assert read_body({"wsgi.input": BytesIO(b"keep-alive"), "CONTENT_LENGTH": ""}, 5) == b""


@pytest.mark.parametrize("environ", [declared(b"123456"), chunked(b"123456"), declared(b"", 6)])
def test_a_larger_body_is_refused(environ: dict[str, object]) -> None:
    with pytest.raises(BodyTooLarge):
        read_body(environ, 5)


def test_a_body_that_is_declared_too_large_is_not_read() -> None:
    environ = declared(b"123456")
    with pytest.raises(BodyTooLarge):
        read_body(environ, 5)
    assert environ["wsgi.input"].read() == b"123456"  # type: ignore[attr-defined]


def broken(error: Exception) -> dict[str, object]:
    return {"wsgi.input": BrokenInput(error), "wsgi.input_terminated": True}


@pytest.mark.parametrize("environ", [declared(b"123", 5), broken(NoMoreData()), broken(InvalidChunkSize(b"xyz"))])
def test_a_body_that_breaks_off_is_no_request(environ: dict[str, object]) -> None:
    with pytest.raises(BodyIncomplete):
        read_body(environ, 5)
