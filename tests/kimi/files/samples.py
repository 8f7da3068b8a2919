"""Small files of every kind that has a rule."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def png(width: int = 1) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def archive(*parts: str, mimetype: str = "", filler: int = 0) -> bytes:
    """A ZIP file with these names in it; `filler` bytes of something incompressible stand at its beginning."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        if mimetype:
            file.writestr("mimetype", mimetype)
        file.writestr("[Content_Types].xml", "<Types/>" + "x" * filler)
        for part in parts:
            file.writestr(part, "<part/>")
    return made.getvalue()


def ole(stream: str) -> bytes:
    """The header of an OLE file, and a directory with one stream behind its first sector."""
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", head, 30, 9)
    struct.pack_into("<I", head, 48, 1)
    entry = stream.encode("utf-16-le").ljust(64, b"\0") + bytes(64)
    return bytes(head) + bytes(512) + entry


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
BMP = b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + struct.pack("<IiiHH", 40, 1, 1, 1, 24) + bytes(28)
