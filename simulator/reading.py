"""What the one who answers has read: the question, and all that came with it or stood before it.

An answer can prove it: a script may hold `{prompt}`, `{history}`, `{system}`, `{files}`, `{images}` and `{links}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from simulator.chats import Turn
from simulator.files import File

_WRAPPED = re.compile(r"<url\b([^<>]*)>(.*?)</url>", re.DOTALL)
_ATTRIBUTES = ("id", "type", "status", "title", "wc")
_ADDRESS = re.compile(r"https?://[^\s<>\"'/?#]+([/?#][^\s<>\"'⺀-鿿！-～]*)?")
_HOST = re.compile(r"https?://(\[[0-9a-f:]+\]|([\w-]+\.)*([a-z0-9-]+|[⺀-鿿]+))(:\d+)?(?![^/?#])", re.IGNORECASE)
_TAIL = re.compile(r"[.,;:!?)\]}。，；：！？）】」』、]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`prompt` is the whole text sent; `history` what the chat itself knows of earlier turns; files go by name."""

    prompt: str
    history: tuple[str, ...] = ()
    system: str = ""
    files: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def undisturbed(self) -> Reading:
        """What is read beside a search: neither files nor links."""
        return replace(self, files=(), images=(), links=())

    def shown(self) -> dict[str, Any]:
        """What of it is remembered of the request, beside the prompt."""
        return {name: list(value) for name, value in self._lists().items()}

    def words(self) -> dict[str, str]:
        """What stands for the names in a script; `{prompt}` is left to whoever knows how much to echo."""
        return {"system": self.system} | {name: " | ".join(value) for name, value in self._lists().items()}

    def _lists(self) -> dict[str, tuple[str, ...]]:
        return {"history": self.history, "files": self.files, "images": self.images, "links": self.links}


def wrapped_links(text: str) -> tuple[str, ...]:
    """The links that the classic dialect reads: wrapped as its own page wraps them, and nothing but an address."""
    return tuple(link for head, link in _WRAPPED.findall(text) if _is_head(head) and _is_address(link))


def plain_links(text: str) -> tuple[str, ...]:
    """The links that stand in a text, as far as they are what a browser would open."""
    return tuple(link for found in _ADDRESS.finditer(text) if _is_address(link := _TAIL.sub("", found[0])))


def _is_head(head: str) -> bool:
    return all(f'{name}="' in head for name in _ATTRIBUTES) and 'type="url"' in head


def _is_address(link: str) -> bool:
    """Whether it is a whole address: what sticks to its end, or Chinese text behind it, leads nowhere."""
    return bool(_HOST.match(link)) and not _TAIL.search(link) and _ADDRESS.fullmatch(link) is not None


def files_read(files: Iterable[File]) -> tuple[str, ...]:
    """The names of the documents among `files`. One whose reading failed, or goes on still, is not read."""
    return tuple(file.name for file in files if file.is_ready and file.type == "file" and not file.is_picture)


def images_seen(files: Iterable[File]) -> tuple[str, ...]:
    """The names of the images among `files`. One that came as a document is not seen."""
    return tuple(file.name for file in files if file.is_ready and file.type == "image")


def told(turns: Iterable[Turn]) -> tuple[str, ...]:
    """Earlier turns in words: who said what, and the files that came with it."""
    return tuple(f"{turn.role}:{turn.text}" + "".join(f" [{name}]" for name in turn.files) for turn in turns)
