"""The pages that an answer draws on: their numbers, links to them, and what is told of them at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.shaping.markdown import HIDDEN, link
from kimi.events import Annotation, Source

MOST_LINES: Final = 50
MOST_PAGES: Final = 1_000
_MOST_KEYS: Final = 10_000
LINKED: Final = 1_000_000
"""So many characters of links stand in a text at the most: a mark is five characters, and a link can be thousands."""
_LONGEST_URL: Final = 4_096
_LONGEST_TITLE: Final = 200
_WEB: Final = re.compile(r"https?://[^/]", re.IGNORECASE)
_BLANK: Final = re.compile(r"[\s\ue000-\uf8ff]+")


class Citations:
    """Numbers pages as they are cited, and remembers where in the text they are.

    A page that several keys lead to is one page. What is no address on the web is no page.
    """

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}  # by key
        self._titles: dict[str, str] = {}  # by URL, as they were found
        self._numbers: dict[str, int] = {}  # by URL, as they were cited
        self._notes: list[Annotation] = []
        self._left = LINKED

    def learn(self, found: Iterable[Source]) -> None:
        """Takes pages that marks may speak of from now on."""
        for source in found:
            url = source.url.strip()
            if len(self._urls) >= _MOST_KEYS or (len(self._titles) >= MOST_PAGES and url not in self._titles):
                continue
            if _WEB.match(url) and len(url) <= _LONGEST_URL:
                self._urls[source.key] = url
                self._titles[url] = _title(source) or self._titles.get(url, "")

    def cite(self, keys: Sequence[str], at: int) -> str:
        """Links to the pages that are known by `keys`, for the place `at` in the text. See `Marks`."""
        links = ""
        for url in dict.fromkeys(self._urls[key] for key in keys if key in self._urls):
            text = link(str(self._number(url)), url)
            self._left -= len(text)
            if self._left < 0:
                break
            self._note(url, at + len(links), len(text))
            links += text
        return links

    def lines(self) -> str:
        """The pages for readers, those that were cited first; nothing where there are none."""
        return "".join(f"{lead}{text}" for lead, text, _ in self._listed())

    def note_lines(self, at: int) -> None:
        """Says that `lines` stand at this place in the text."""
        for lead, text, url in self._listed():
            at += len(lead)
            self._note(url, at, len(text))
            at += len(text)

    def note_rest(self, at: int) -> None:
        """Says of the pages that the text does not show that they belong to its end."""
        shown = {note.url for note in self._notes}
        for url in self._titles:
            if url not in shown:
                self._note(url, at, 0)

    def notes(self, shown: int) -> list[Annotation]:
        """What the first `shown` characters of the text speak of."""
        return [note for note in self._notes if note.end <= shown]

    def _number(self, url: str) -> int:
        return self._numbers.setdefault(url, len(self._numbers) + 1)

    def _note(self, url: str, start: int, length: int) -> None:
        self._notes.append(Annotation(start, start + length, url, self._titles[url] or url))

    def _listed(self) -> Iterator[tuple[str, str, str]]:
        """What stands before a link, the link, and its page, a line each."""
        cited = sorted(self._numbers, key=self._numbers.__getitem__)
        urls = [*cited, *(url for url in self._titles if url not in self._numbers)]
        for number, url in enumerate(urls[:MOST_LINES], 1):
            # Two spaces at its end keep a line of Markdown apart from the next.
            before = "\n\n" if number == 1 else "  \n"
            yield f"{before}[{number}] ", link(self._titles[url] or url, url), url


def _title(source: Source) -> str:
    title = HIDDEN.sub("", _BLANK.sub(" ", source.title)).strip()
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
