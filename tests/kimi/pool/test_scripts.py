"""The texts of scripts: what each is given of the shared definitions."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kimi.pool.scripts import LUA, digest, shared, source, words

SCRIPTS = sorted(file.name.removesuffix(".lua") for file in LUA.iterdir() if file.name.endswith(".lua"))
BUILT_IN = {"redis", "cjson", "tonumber", "tostring", "ipairs", "pairs", "unpack", "type", "next", "string", "table"}
BUILT_IN |= {"math", "KEYS", "ARGV", "select", "error"}
KEYWORDS = {
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "if",
    "in",
    "local",
    "nil",
    "not",
}
KEYWORDS |= {"or", "return", "then", "true", "while"}


def test_redis_takes_the_text_of_every_script_and_knows_it_by_its_digest(redis_client: Any) -> None:
    for name in SCRIPTS:
        assert redis_client.script_load(source(name)) == digest(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_whatever_a_script_names_is_defined(name: str) -> None:
    text = source(name)
    defined = {
        word
        for names in re.findall(r"\b(?:local(?: function)?|for) +([\w, ]+?)(?= in\b|[(=\n]| =|$)", text, re.MULTILINE)
        for word in names.replace(",", " ").split()
    }
    parameters = {word for given in re.findall(r"function *\w*\(([\w, ]*)\)", text) for word in given.split(", ")}
    fields = set(re.findall(r"(?<=[{,] )(\w+)(?= = )|(?<=\{)(\w+)(?= = )|^ +(\w+)(?= = [^=\n]*,$)", text, re.MULTILINE))
    known = defined | parameters | BUILT_IN | KEYWORDS | {word for found in fields for word in found}
    assert set(words(text)) - known == set()


def test_texts_and_comments_are_of_the_one_kind_that_is_told_from_names() -> None:
    for file in (*LUA.iterdir(), *(LUA / "shared").iterdir()):
        if not file.name.endswith(".lua"):
            continue
        code = re.sub(r"--(?!\[).*", "", file.read_text("utf-8"))
        assert re.findall(r"\"|\\'|--\[|\[=*\[", code) == [], file.name


def test_a_script_has_no_more_than_it_needs() -> None:
    text = source("leave")
    assert "local function forget_ticket" in text
    assert "local function keep_conversation" not in text
    assert text.index("local function key") < text.index("local function forget_ticket")
    assert text.count("local function key(") == 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_name_within_a_script_is_that_of_a_shared_definition(name: str) -> None:
    """Each would bring that definition along, and hide it."""
    own, text = (LUA / f"{name}.lua").read_text("utf-8"), source(name)
    within = r"^ +local (?:function )?([\w, ]+)|\bfor ([\w, ]+)(?: in\b| =)|function *\w*\(([\w, ]*)\)"
    lists = ["".join(found) for found in re.findall(within, text, re.MULTILINE)]
    lists += re.findall(r"^local (?:function )?([\w, ]+)", own, re.MULTILINE)
    names = {word for found in lists for word in re.findall(r"\w+", found)}
    assert names & shared().keys() == set()


def test_no_name_is_defined_twice() -> None:
    files = "\n".join(file.read_text("utf-8") for file in (LUA / "shared").iterdir())
    names = [
        name
        for found in re.findall(r"^local (?:function )?([\w, ]+)", files, re.MULTILINE)
        for name in re.findall(r"\w+", found)
    ]
    assert sorted(names) == sorted(shared())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("key('read') -- settle", ["key"]),
        ("redis.call('GET', a.read)", ["redis", "a"]),
        ("return 'read:'..name", ["return", "name"]),
        ("if read(name) then return 1e5 end", ["if", "read", "name", "then", "return", "end"]),
    ],
)
def test_texts_comments_and_fields_are_no_names(text: str, names: list[str]) -> None:
    assert words(text) == names
