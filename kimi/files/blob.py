"""A file's content while a request needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that is wholly here.

    `name` is how it is called, with the ending that its content asks for; `media` is what its content was found to be,
    as a media type; `size` is in bytes, `digest` the SHA-256 of the content in hex, `where` its place in the request.
    `content` is open at its beginning whenever nobody is reading it.
    """

    name: str
    media: str
    size: int
    digest: str
    is_image: bool
    where: str
    content: BinaryIO = field(repr=False, compare=False)
