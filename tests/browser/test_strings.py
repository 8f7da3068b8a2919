"""The texts of the page, and its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

STATIC: Final = Path(__file__).parents[2] / "gateway" / "admin" / "static"
MODULES: Final = sorted((STATIC / "js").rglob("*.js"))
LANGUAGES: Final = sorted((STATIC / "js" / "strings").glob("*.js"))

_TEXT = re.compile(r'^  "([^"]+)": "((?:[^"\\]|\\.)*)",$', re.MULTILINE)
_USED = re.compile(r'\bt\(\s*"([^"]+)"')
_BUILT = re.compile(r"\bt\(\s*`([a-z_.]+)\$\{[^`]*\}([a-z_]*)`|\bword\(\"([a-z]+)\"")


def _texts(path: Path) -> dict[str, str]:
    return dict(_TEXT.findall(path.read_text("utf-8")))


ENGLISH: Final = _texts(STATIC / "js" / "strings" / "en.js")


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_every_language_says_the_same(path: Path) -> None:
    texts = _texts(path)
    assert path.read_text("utf-8").count('": "') == len(texts)  # all of them were read
    assert texts.keys() == ENGLISH.keys()
    for key, text in texts.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", ENGLISH[key])), key


def test_every_text_is_there_and_none_is_spare() -> None:
    code = "\n".join(path.read_text("utf-8") for path in MODULES if path not in LANGUAGES)
    used = set(_USED.findall(code))
    chosen = set(re.findall(r'"(\w+\.\w+)"', code)) & ENGLISH.keys()
    assert used <= ENGLISH.keys()
    built = [
        re.compile(rf"{re.escape(before)}\w+{after}" if before else rf"{group}\..+")
        for before, after, group in _BUILT.findall(code)
    ]
    spare = {key for key in ENGLISH.keys() - used - chosen if not any(each.fullmatch(key) for each in built)}
    assert not spare


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(STATIC)))
def test_no_module_writes_html_or_becomes_long(path: Path) -> None:
    code = path.read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code)
    assert path in LANGUAGES or code.count("\n") <= 220


def test_the_page_asks_nobody_else_for_anything() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|https?://", page)
    for address in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert (STATIC / address.removeprefix("/admin/static/")).is_file(), address
