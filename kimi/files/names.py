"""What a file is called: names from clients, servers and URLs, made harmless."""

from __future__ import annotations

import re
import unicodedata
from email.message import Message
from typing import Final
from urllib.parse import unquote, urlsplit

_LONGEST: Final = 100  # characters; a file system takes 255 bytes
_LONGEST_HEADER: Final = 2048  # bytes; what reads it takes a quadratic time
_ENDING: Final = re.compile(r"\.[A-Za-z0-9_+-]{1,10}")


def tidy(name: str) -> str:
    """`name` without its path, control characters and more than can be shown; empty where nothing is left of it."""
    last = re.split(r"[/\\]", name.rstrip("/\\ "))[-1]
    shown = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in last)
    tidied = " ".join(shown.split()).strip(". ")
    if len(tidied) <= _LONGEST:
        return tidied
    found = ending(tidied)
    return tidied[: _LONGEST - len(found)].rstrip(". ") + found


def of_url(url: str) -> str:
    """The last part of the path of an http(s) URL, never its query; empty where it has none."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return tidy(unquote(path.rpartition("/")[2], errors="replace"))


def of_disposition(header: str) -> str:
    """The name in a `Content-Disposition` header (RFC 6266), also one that was written as bare UTF-8.

    It is empty where there is none that can be read.
    """
    said = Message()
    said["Content-Disposition"] = re.sub(r"[\r\n]", " ", header[:_LONGEST_HEADER])
    try:
        found = said.get_filename("")
    except (ValueError, LookupError, TypeError):  # of its parts, their numbers and their character sets
        return ""
    try:
        return tidy(found.encode("latin-1").decode())
    except UnicodeError:
        return tidy(found)


def ending(name: str) -> str:
    """The ending of `name` with its dot, in small letters; empty where it has none."""
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if stem and _ENDING.fullmatch(dot + last) else ""
