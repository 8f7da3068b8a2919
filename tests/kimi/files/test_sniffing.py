from __future__ import annotations

import codecs
import errno
import io
import random
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi.files.sniffing import NotReadable, sniff
from tests.kimi.files.samples import BMP, PDF, archive, ole, png

OFFICE = "application/vnd.openxmlformats-officedocument"
CHINESE = "你好，世界。\n第二行，还有一些文字。\n" * 50

KNOWN = {
    "pdf": (PDF, "application/pdf", ".pdf"),
    "pdf behind blanks": (b"\r\n" + PDF, "application/pdf", ".pdf"),
    "png": (png(), "image/png", ".png"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", ".jpg"),
    "gif": (b"GIF89a\x01\0\x01\0", "image/gif", ".gif"),
    "bmp": (BMP, "image/bmp", ".bmp"),
    "tiff": (b"II*\0\x08\0\0\0", "image/tiff", ".tiff"),
    "webp": (b"RIFF\x1a\0\0\0WEBPVP8L", "image/webp", ".webp"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic", ".heic"),
    "avif": (b"\0\0\0\x18ftypavif\0\0\0\0", "image/avif", ".avif"),
    "docx": (archive("word/document.xml"), f"{OFFICE}.wordprocessingml.document", ".docx"),
    "xlsx": (archive("xl/workbook.xml"), f"{OFFICE}.spreadsheetml.sheet", ".xlsx"),
    "pptx": (archive("ppt/presentation.xml"), f"{OFFICE}.presentationml.presentation", ".pptx"),
    "docx with a large first part": (
        archive("word/document.xml", filler=200_000),
        f"{OFFICE}.wordprocessingml.document",
        ".docx",
    ),
    "epub": (archive("a.xhtml", mimetype="application/epub+zip"), "application/epub+zip", ".epub"),
    "odt": (
        archive("content.xml", mimetype="application/vnd.oasis.opendocument.text"),
        "application/vnd.oasis.opendocument.text",
        ".odt",
    ),
    "doc": (ole("WordDocument"), "application/msword", ".doc"),
    "xls": (ole("Workbook"), "application/vnd.ms-excel", ".xls"),
    "old xls": (ole("Book"), "application/vnd.ms-excel", ".xls"),
    "ppt": (ole("PowerPoint Document"), "application/vnd.ms-powerpoint", ".ppt"),
    "rtf": (b"{\\rtf1 hello}", "application/rtf", ".rtf"),
    "html": (b"\xef\xbb\xbf\n<!DOCTYPE HTML><p>hello", "text/html", ".html"),
    "utf-8": (CHINESE.encode(), "text/plain", ".txt"),
    "utf-8 with a mark": (codecs.BOM_UTF8 + CHINESE.encode(), "text/plain", ".txt"),
    "utf-8 cut inside a character": (("x" + CHINESE * 100).encode(), "text/plain", ".txt"),
    "utf-16": (CHINESE.encode("utf-16"), "text/plain", ".txt"),
    "utf-16 without a mark": ("plain words".encode("utf-16-le"), "text/plain", ".txt"),
    "utf-16 big endian": (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "text/plain", ".txt"),
    "utf-32": (CHINESE.encode("utf-32"), "text/plain", ".txt"),
    "gb18030": (CHINESE.encode("gb18030"), "text/plain", ".txt"),
    "big5": ("繁體中文".encode("big5"), "text/plain", ".txt"),
    "shift-jis": ("こんにちは".encode("shift-jis"), "text/plain", ".txt"),
    "iso-2022-jp": ("こんにちは".encode("iso-2022-jp"), "text/plain", ".txt"),
    "latin-1": ("Grüße, Œuvre".encode("cp1252"), "text/plain", ".txt"),
}
FAR = bytes.fromhex("d0cf11e0a1b11ae1") + b"\xff" * 600
REFUSED = {
    "nothing": (b"", "is empty"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(60), "is a program"),
    "exe": (b"MZ\x90\0\x03" + bytes(100), "is a program"),
    "mach-o": (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "is a program"),
    "class": (b"\xca\xfe\xba\xbe\0\0\0\x34", "is a program"),
    "zip": (archive("a.txt"), "is an archive: send the files in it, one by one"),
    "gzip": (b"\x1f\x8b\x08\0\0\0\0\0", "is an archive"),
    "mp3": (b"ID3\x04\0\0\0\0", "is sound or video, which Kimi does not read"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt ", "is sound or video, which Kimi does not read"),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0", "is sound or video, which Kimi does not read"),
    "ole with a directory behind its end": (FAR, "is of a kind that Kimi does not read"),
    "other ole": (ole("Outlook"), "is of a kind that Kimi does not read"),
    "noise": (random.Random(1).randbytes(4096), "is of a kind that Kimi does not read"),
    "zeros": (bytes(1000), "is of a kind that Kimi does not read"),
    "broken utf-16": (codecs.BOM_UTF16_LE + b"\x00\xdc\x00\xdc", "is of a kind that Kimi does not read"),
}


@pytest.mark.parametrize(("content", "media", "ending"), KNOWN.values(), ids=list(KNOWN))
@pytest.mark.parametrize("name", ["", "wrong.exe"])
def test_what_kimi_reads_is_known_by_its_content(content: bytes, media: str, ending: str, name: str) -> None:
    found = sniff(io.BytesIO(content), name)
    assert (found.media, found.ending) == (media, ending)
    assert found.is_image == media.startswith("image/")


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=list(REFUSED))
@pytest.mark.parametrize("name", ["", "a.txt"])
def test_what_it_does_not_read_is_refused_by_what_it_is(content: bytes, reason: str, name: str) -> None:
    with pytest.raises(NotReadable) as caught:
        sniff(io.BytesIO(content), name)
    assert str(caught.value) == reason


class Disk(io.BytesIO):
    """A file of which no system lets anybody go to any place."""

    def seek(self, at: int, whence: int = 0) -> int:
        if at > len(FAR):
            raise OSError(errno.EINVAL, "Invalid argument")
        return super().seek(at, whence)


def test_no_place_is_gone_to_that_is_not_in_the_file() -> None:
    with pytest.raises(NotReadable):
        sniff(Disk(FAR), "a.doc")


@pytest.mark.parametrize(
    ("name", "stated", "media", "ending"),
    [
        ("data.csv", "", "text/csv", ".csv"),
        ("README.md", "application/octet-stream", "text/markdown", ".md"),
        ("main.rs", "text/html", "text/plain", ".rs"),
        ("index.php", "", "text/plain", ".php"),
        ("photo.png", "image/png", "text/plain", ".txt"),
        ("drawing.svg", "image/svg+xml", "text/plain", ".svg"),
        ("data", "text/csv", "text/csv", ".csv"),
        ("data", "application/json", "application/json", ".json"),
        ("data", "application/pdf", "text/plain", ".txt"),
    ],
)
def test_a_text_keeps_an_ending_of_texts(name: str, stated: str, media: str, ending: str) -> None:
    found = sniff(io.BytesIO(b"a,b\n1,2\n"), name, stated)
    assert (found.media, found.ending, found.is_image) == (media, ending, False)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("photo.JPEG", "photo.JPEG"),
        ("photo.png", "photo.jpg"),
        ("photo", "photo.jpg"),
        ("release-1.2", "release-1.2.jpg"),
        ("download.php", "download.php.jpg"),
    ],
)
def test_the_ending_says_what_it_is(name: str, called: str) -> None:
    assert sniff(io.BytesIO(b"\xff\xd8\xff\xe0"), name).called(name) == called


@given(st.binary(min_size=1, max_size=600))
@example(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
def test_no_content_is_an_accident(content: bytes) -> None:
    with suppress(NotReadable):
        assert sniff(io.BytesIO(content), "a.txt").called("a.txt").startswith("a.")


@given(st.text(alphabet=st.characters(codec="gb18030", exclude_categories=["Cc", "Cs"]), min_size=4, max_size=300))
def test_every_text_in_a_common_encoding_is_text(text: str) -> None:
    for encoding in ("utf-8", "utf-16", "gb18030"):
        found = sniff(io.BytesIO(f"# {text}".encode(encoding)), "notes.md")
        assert found.ending == ".md"
