"""`data:` URLs (RFC 2397), decoded piece by piece."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

_PIECE: Final = 64 * 1024  # characters, a multiple of four
_SPACE: Final = b" \t\r\n\f"
_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")
_LONGEST_HEAD: Final = 256
_ESCAPE: Final = 2  # characters behind a percent sign


class NotDecodable(ValueError):
    """It is no `data:` URL, or its content is not encoded as it says."""


def is_data(url: str) -> bool:
    """Whether `url` holds its content itself."""
    return url[:5].lower() == "data:"


def media_of(url: str) -> str:
    """The media type that a `data:` URL states, in small letters; empty where it states none."""
    return _head(url)[5:].partition(";")[0].strip().lower()


def pieces(url: str) -> Iterator[bytes]:
    """The content of a `data:` URL. Raises `NotDecodable`."""
    head = _head(url)
    start = len(head) + 1
    if head.rpartition(";")[2].strip().lower() == "base64":
        return _from_base64(url, start)
    return _from_escapes(url, start)


def _head(url: str) -> str:
    end = url.find(",", 0, _LONGEST_HEAD)
    if not is_data(url) or end < 0:
        raise NotDecodable("there is no comma behind its head")
    return url[:end]


def _from_base64(url: str, start: int) -> Iterator[bytes]:
    """Both alphabets, with or without padding at the end; escapes, white space and line ends are passed over."""
    left, cut, is_over = b"", "", False
    for at in range(start, len(url), _PIECE):
        text = cut + url[at : at + _PIECE]
        text, cut = _whole_escapes(text) if at + _PIECE < len(url) else (text, "")
        encoded = left + _characters(text)
        if is_over and encoded:
            raise NotDecodable("there is more of it behind its end")
        whole = len(encoded) - len(encoded) % 4
        yield _decoded(encoded[:whole])
        is_over = encoded.endswith(b"=", 0, whole)
        left = encoded[whole:]
    if left:
        yield _decoded(left + b"=" * (-len(left) % 4))


def _characters(text: str) -> bytes:
    if "%" in text:
        return unquote_to_bytes(text).translate(_ALPHABET, _SPACE)
    try:
        return text.encode("ascii").translate(_ALPHABET, _SPACE)
    except UnicodeEncodeError as error:
        raise NotDecodable("it is not base64") from error


def _decoded(encoded: bytes) -> bytes:
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise NotDecodable("it is not base64") from error


def _from_escapes(url: str, start: int) -> Iterator[bytes]:
    left = ""
    for at in range(start, len(url), _PIECE):
        text, left = _whole_escapes(left + url[at : at + _PIECE])
        yield unquote_to_bytes(text)
    if left:
        yield unquote_to_bytes(left)


def _whole_escapes(text: str) -> tuple[str, str]:
    """`text` up to an escape that its end cuts, and the rest."""
    cut = text.rfind("%", max(len(text) - _ESCAPE, 0))
    return (text, "") if cut < 0 else (text[:cut], text[cut:])
