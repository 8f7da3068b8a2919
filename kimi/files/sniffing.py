"""What a file is, by its content: what it is called, and what its server calls it, may be wrong.

Only what Kimi reads has a row; everything else is refused by what it is. The marks are those of each format's
specification.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, Final

from kimi.files import names, texts

HEAD: Final = 64 * 1024
"""Bytes at the beginning by which a file is judged."""
_TAIL: Final = 512 * 1024  # of an archive; the list of its parts stands at its end


class NotReadable(Exception):
    """Kimi does not read such a file; the text goes on behind the file's name."""


@dataclass(frozen=True, slots=True)
class Type:
    """A kind of file: its media type and the ending that belongs to it."""

    media: str
    ending: str

    @property
    def is_image(self) -> bool:
        """Whether it has to be given to Kimi as an image."""
        return self.media.startswith("image/")

    def called(self, name: str) -> str:
        """`name` with an ending that belongs to this type; whatever else stands behind a dot in it is left alone."""
        has = names.ending(name)
        if _SAME.get(has, has) == self.ending:
            return name
        wrong = has in texts.NEVER or has in texts.MEDIA
        return (name[: len(name) - len(has)] if wrong else name) + self.ending


_SAME: Final[Mapping[str, str]] = MappingProxyType({".jpeg": ".jpg", ".tif": ".tiff", ".htm": ".html"})

_PDF = Type("application/pdf", ".pdf")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_HEAD: Final = 52  # bytes, as far as it tells where its directory is
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")

_MARKS: Final[tuple[tuple[Mapping[int, bytes], Type], ...]] = (
    ({0: b"\x89PNG\r\n\x1a\n"}, Type("image/png", ".png")),
    ({0: b"\xff\xd8\xff"}, Type("image/jpeg", ".jpg")),
    ({0: b"GIF87a"}, Type("image/gif", ".gif")),
    ({0: b"GIF89a"}, Type("image/gif", ".gif")),
    ({0: b"BM", 6: bytes(4)}, Type("image/bmp", ".bmp")),
    ({0: b"II*\x00"}, Type("image/tiff", ".tiff")),
    ({0: b"MM\x00*"}, Type("image/tiff", ".tiff")),
    ({0: b"RIFF", 8: b"WEBP"}, Type("image/webp", ".webp")),
    ({4: b"ftypheic"}, Type("image/heic", ".heic")),
    ({4: b"ftypheix"}, Type("image/heic", ".heic")),
    ({4: b"ftypmif1"}, Type("image/heif", ".heif")),
    ({4: b"ftypmsf1"}, Type("image/heif", ".heif")),
    ({4: b"ftypavif"}, Type("image/avif", ".avif")),
    ({0: b"{\\rtf"}, Type("application/rtf", ".rtf")),
    ({60: b"BOOKMOBI"}, Type("application/x-mobipocket-ebook", ".mobi")),
)
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_PARTS: Final[Mapping[bytes, Type]] = MappingProxyType(
    {
        b"word/document": Type(f"{_OPEN_XML}.wordprocessingml.document", ".docx"),
        b"xl/workbook": Type(f"{_OPEN_XML}.spreadsheetml.sheet", ".xlsx"),
        b"ppt/presentation": Type(f"{_OPEN_XML}.presentationml.presentation", ".pptx"),
        b"mimetypeapplication/epub+zip": Type("application/epub+zip", ".epub"),
        b"mimetypeapplication/vnd.oasis.opendocument.text": Type("application/vnd.oasis.opendocument.text", ".odt"),
        b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet": Type(
            "application/vnd.oasis.opendocument.spreadsheet", ".ods"
        ),
        b"mimetypeapplication/vnd.oasis.opendocument.presentation": Type(
            "application/vnd.oasis.opendocument.presentation", ".odp"
        ),
    }
)
_STREAMS: Final[Mapping[str, Type]] = MappingProxyType(
    {
        "WordDocument": Type("application/msword", ".doc"),
        "Workbook": Type("application/vnd.ms-excel", ".xls"),
        "Book": Type("application/vnd.ms-excel", ".xls"),
        "PowerPoint Document": Type("application/vnd.ms-powerpoint", ".ppt"),
    }
)
_REFUSED: Final[tuple[tuple[tuple[bytes, ...], str], ...]] = (
    ((b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"), "is a program"),
    ((b"\xca\xfe\xba\xbe", b"\x00asm", b"dex\n"), "is a program"),
    (_ZIP, "is an archive: send the files in it, one by one"),
    ((b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"), "is an archive"),
    (
        (b"ID3", b"OggS", b"fLaC", b"RIFF", b"\x1a\x45\xdf\xa3", b"\xff\xfb"),
        "is sound or video, which Kimi does not read",
    ),
)


def sniff(content: BinaryIO, name: str, stated: str = "") -> Type:
    """What `content` is, which is read from its beginning.

    Of a text neither `name`, where it is empty or wrong, nor the media type that its source has `stated` are believed,
    but they tell which kind of text it is. Raises `NotReadable`.
    """
    content.seek(0)
    head = content.read(HEAD)
    if not head:
        raise NotReadable("is empty")
    found = _marked(head) or _document(content, head)
    if found is not None:
        return found
    if not texts.is_text(head):
        raise NotReadable(_reason(head))
    return _text(head, name, stated)


def _marked(head: bytes) -> Type | None:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        return _PDF
    return next(
        (found for marks, found in _MARKS if all(head.startswith(mark, at) for at, mark in marks.items())), None
    )


def _document(content: BinaryIO, head: bytes) -> Type | None:
    if head.startswith(_ZIP):
        size = content.seek(0, 2)
        content.seek(max(size - _TAIL, 0))
        tail = content.read()
        return next((found for part, found in _PARTS.items() if part in head or part in tail), None)
    if head.startswith(_OLE) and len(head) >= _OLE_HEAD:
        shift, first = struct.unpack_from("<H", head, 30)[0], struct.unpack_from("<I", head, 48)[0]
        at = (first + 1) << min(shift, 12)
        if at >= content.seek(0, 2):  # no system can go as far as a file may say
            return None
        content.seek(at)
        directory = content.read(4096)
        return next((found for stream, found in _STREAMS.items() if _entry(stream) in directory), None)
    return None


def _entry(stream: str) -> bytes:
    """A name as the directory of an OLE file has it, from the beginning of its entry."""
    return stream.encode("utf-16-le") + bytes(2)


def _text(head: bytes, name: str, stated: str) -> Type:
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Type("text/html", ".html")
    has = names.ending(name)
    if has and has not in texts.NEVER:
        return Type(texts.MEDIA.get(has, "text/plain"), has)
    wanted = texts.ENDINGS.get(stated, ".txt")
    return Type(texts.MEDIA.get(wanted, "text/plain"), wanted)


def _reason(head: bytes) -> str:
    if head.startswith(b"MZ") and len(head) > 64:
        return "is a program"
    if head.startswith(b"ftyp", 4):
        return "is sound or video, which Kimi does not read"
    return next(
        (reason for marks, reason in _REFUSED if head.startswith(marks)), "is of a kind that Kimi does not read"
    )
