"""The files of the page, as they are: there is nothing in them that only an operator may know."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from gateway.views.packing import takes_gzip
from gateway.views.requests import present

INDEX: Final = "index.html"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
_PACKED: Final = frozenset({"css", "html", "js", "json", "svg", "webmanifest"})


@dataclass(frozen=True, slots=True)
class File:
    """A file as it goes out: `packed` with gzip where that makes it smaller, empty otherwise."""

    content: bytes
    packed: bytes
    kind: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> File:
        """The file of that name. Raises `KeyError` for one of a kind that no page has."""
        suffix = name.rpartition(".")[2]
        packed = gzip.compress(content, mtime=0) if suffix in _PACKED else b""
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return cls(content, packed if len(packed) < len(content) else b"", _TYPES[suffix], tag)


def files(folder: Traversable) -> dict[str, File]:
    """All files below `folder`, by their paths there."""
    return {name: File.of(name, file.read_bytes()) for name, file in _walk(folder)}


def blueprint(found: Mapping[str, File] | None = None) -> Blueprint:
    """`/admin` and `/admin/static/NAME`; the files are read once, here."""
    views = Blueprint("admin_page", __name__)
    if found is None:
        found = files(resources.files("gateway.admin") / "static")

    @views.get("/admin")
    def page() -> Response:
        return _reply(found.get(INDEX))

    @views.get("/admin/static/<path:name>")
    def static(name: str) -> Response:
        return _reply(found.get(name))

    return views


def _reply(file: File | None) -> Response:
    """`file`, or that the browser has it already. Raises `NotFound` without one."""
    if file is None:
        raise NotFound
    asked = present()
    headers = {"etag": file.tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if file.tag in asked.environ.get("HTTP_IF_NONE_MATCH", ""):
        return Response(status=304, headers=headers)
    if file.packed and takes_gzip(asked):
        return Response(file.packed, headers={**headers, "content-encoding": "gzip"}, content_type=file.kind)
    return Response(file.content, headers=headers, content_type=file.kind)


def _walk(folder: Traversable, below: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir():
            yield from _walk(each, f"{below}{each.name}/")
        elif each.name.rpartition(".")[2] in _TYPES:
            yield f"{below}{each.name}", each
