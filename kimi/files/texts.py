"""Telling text from other bytes, whatever its encoding, and one kind of text from another."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEDIA: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".txt": "text/plain",
        ".csv": "text/csv",
        ".md": "text/markdown",
        ".html": "text/html",
        ".htm": "text/html",
        ".css": "text/css",
        ".json": "application/json",
        ".xml": "application/xml",
    }
)
"""Media types of texts by their ending; every other one is plain."""
ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {media: ending for ending, media in MEDIA.items() if ending != ".htm"} | {"text/xml": ".xml"}
)
"""Endings of texts by the media type that their source states."""
NEVER: Final = frozenset(
    {".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".odp", ".rtf", ".epub", ".mobi"}
    | {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".ico"}
    | {".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".exe", ".dll", ".so", ".bin", ".dat"}
    | {".mp3", ".mp4", ".wav", ".ogg", ".webm", ".mov", ".avi"}
)
"""Endings that no text has: they say nothing of one, or something wrong."""

_MARKED: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Line ends, tabs, the bell, form feeds, and what switches colours and character sets.
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\a\b\t\n\v\f\r\x1b") | {127}


def is_text(head: bytes) -> bool:
    """Whether the file that begins with `head` is text.

    Whatever the encoding, text holds no control characters: in a few kilobytes of anything else there are some.
    """
    marked = next((encoding for mark, encoding in _MARKED if head.startswith(mark)), None)
    encoding = _wide(head) if marked is None else marked
    if encoding is None or encoding == "utf-8":
        return _CONTROLS.isdisjoint(head)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return _CONTROLS.isdisjoint(map(ord, set(text)))


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of what is written in Latin letters is zero."""
    if head[1::2].count(0) > len(head) // 4 and 0 not in head[::2]:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 4 and 0 not in head[1::2]:
        return "utf-16-be"
    return None
