"""The sentences of the gateway, which speaks English, on a page in Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

import kimi
from gateway import errors
from gateway.explaining import describe
from gateway.problems import TABLE
from kimi.errors import ConversationLost, FileRefused, PromptTooLong
from kimi.models import UnknownModel
from kimi.operating.troubles import UNREADABLE
from kimi.pool.client_limits import LimitReached
from kimi.settings import http_url
from tests.browser.conftest import Visits
from tests.browser.test_strings import ENGLISH

SPEAKERS: Final = (
    *("account_entries", "account_forms", "credentials", "exchange", "wrong_values"),
    *("operating/accounts", "operating/acting", "operating/intake", "operating/renewing", "operating/taking"),
    *("operating/trial", "operating/troubles"),
    *("pool/client_terms", "pool/clients"),
)
"""Modules of `kimi` whose sentences the page shows."""
ELSEWHERE: Final = {
    "1+1=? Answer with the number alone.",  # to Kimi
    "there is no limit to be changed",  # to programs: the page sends no such thing
    "has a new token",  # with what comes behind it
    ", and is 7 with it: log in again and copy the new token",  # with what stands before it
    "7, 7 failed: 7",  # with figures
    "that was added just now",  # in the place of a name
    "the text",  # in the place of a file
    "# left out, for no key of TOKEN_ENCRYPTION_KEYS opens them: 7\n",  # in a file
    "invalid claims",  # by Kimi
    "no-cache, no-store",  # to Kimi, in a header
}
"""Sentences that are said to others, or are parts of a whole that is looked at below."""
WHOLES: Final = (
    "has a new token, for 7 min",
    f"account A has this credential already, and {UNREADABLE}",
    "account A has this credential already, and is dead with it: log in again and copy the new token",
    "7 answered, 2 failed: A (its one place is in use: try again in a moment), B (it is paused: resume it first)",
    "weight must be at least 7; proxy is not for kind kimi; base_url is not a field of an account",
    "requests_per_minute 3, tokens_per_day 3, concurrent 3, models kimi",
    "AccountDead: the exchange answered 403",
    "the text: is not valid YAML: it breaks off",
    "BrokenAnswer: 7; an exchange before was cut off, its answer with the next token was lost on the way",
)
EXPLAINED: Final = tuple(
    describe(error, "7")
    for error in (
        *(UnknownModel("kimi-9"), PromptTooLong(size=9, limit=7), FileRefused(name="7"), RuntimeError()),
        FileRefused("could not be read by Kimi", name="7"),
    )
)
ADDRESSES: Final = ("a b", "http://[", "ftp://kimi", "http://", "http://a:b@kimi", "http://kimi/?a")
UNSEEN: Final = {
    *(errors.AdminOff, errors.ClientGone, errors.CsrfFailed, errors.TooManyWrongKeys, errors.WrongAdminKey),
    errors.TooManyWrongAdminKeys,
    *(errors.TokenUndecided, errors.TooManyNewTokens, errors.UnknownKey, LimitReached, ConversationLost),
    *(MethodNotAllowed, NotFound),
}
"""What only clients with keys of their own are told, or programs, or what the page has a dialog for."""
AS_THEY_ARE: Final = {
    *("accounts", "kimi", "classic", "kind", "moonshot", "name", "true", "false", "http", "https", "host"),
    *("token", "proxy", "alice"),
}
"""English words in Chinese sentences."""
_WORDS: Final = re.compile(r"(?<![\w/-])[a-z]{2,}(?![\w/:-])")
_TOLD: Final = """
async (sentences) => {
  const { told } = await import("/admin/static/js/accounts/told.js");
  const { refused } = await import("/admin/static/js/i18n.js");
  return sentences.map(([sentence, code]) => (code === null ? told(sentence) : refused(code, sentence)));
}
"""


def _written(module: str) -> Iterator[str]:
    """What reads like a sentence in a module, with 7 for each value in it; neither docstrings nor what is logged."""
    tree = ast.parse((Path(kimi.__file__).parent / f"{module}.py").read_text("utf-8"))
    passed: set[ast.AST] = set()
    for node in ast.walk(tree):  # what is around comes before what is in it
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        logged = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        if docstring or logged or isinstance(node, ast.JoinedStr):
            passed.update(each for each in ast.walk(node) if each is not node and not isinstance(each, ast.Call))
        if node not in passed and (text := _text(node)) and _is_sentence(text):
            yield text


def _is_sentence(text: str) -> bool:
    return sum(bool(re.fullmatch("[`(]?[A-Za-z'_-]{2,}[`),;:.]*", word)) for word in text.split()) > 1


def _text(node: ast.AST) -> str:
    """A text in code, with 7 for each value in it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) for each in node.values)
    if isinstance(node, ast.FormattedValue):
        return "the text" if ast.unparse(node.value) in {"source", "place"} else "7"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\\" not in node.value:
        return re.sub(r"\{\w+\}", "7", node.value)
    return ""


def _said_of_address(address: str) -> str:
    with pytest.raises(ValueError, match=r".") as refusal:
        http_url(address)
    return str(refusal.value)


def test_what_the_gateway_says_is_said_in_the_language_of_the_page(visits: Visits) -> None:
    written = {text for module in SPEAKERS for text in _written(module)} - ELSEWHERE
    assert len(written) > 80
    sentences: list[tuple[str, str | None]] = [(text, None) for text in sorted(written | set(WHOLES))]
    sentences += [(text, None) for text in map(_said_of_address, ADDRESSES)]
    problems = [*EXPLAINED, *(problem for kind, problem in TABLE.items() if kind not in UNSEEN)]
    sentences += [(problem.message, problem.code) for problem in problems]
    visit = visits(locale="zh-CN")
    visit.go("overview")
    told: list[str] = visit.page.evaluate(_TOLD, sentences)
    english = {
        sentence: said
        for (sentence, _), said in zip(sentences, told, strict=True)
        if not re.search(r"[\u4e00-\u9fff]", said) or set(_WORDS.findall(said)) - AS_THEY_ARE
    }
    assert not english, english


def test_no_sentence_is_spare() -> None:
    modules = (*SPEAKERS, "settings", "errors", "http/failures", "upstreams/uploading", "upstreams/connect_files")
    written = {text for module in modules for text in _written(module)} | set(WHOLES)
    written |= {each.message for each in (*TABLE.values(), *EXPLAINED)}
    said = [text.replace('\\"', '"') for key, text in ENGLISH.items() if key.startswith("said.")]
    forms = {text: re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text))) for text in said}
    assert not [text for text, form in forms.items() if not any(map(form.search, written))]
