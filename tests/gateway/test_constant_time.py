"""How long a comparison takes tells nobody how much of a secret he has guessed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
WORDS: Final = frozenset(
    {"digest", "token", "secret", "proof", "csrf", "mac", "hmac", "signature", "fingerprint", "seal"}
)
"""A name of which one of these is a part is of a secret, or of what is made of one."""
KEYS: Final = frozenset({"api_key", "admin_key", "client_key", "authorization", "password", "trigger", "digest_of"})


def is_secret(node: ast.expr) -> bool:
    """Whether it is called like a secret. What is only counted or looked up by a name is none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in KEYS or bool(WORDS.intersection(name.strip("_").lower().split("_")))
        case ast.Call(func=function):
            return is_secret(function)
        case ast.Subscript(value=value):
            return is_secret(value)
    return False


def compared(tree: ast.Module) -> Iterator[tuple[str, ast.Compare]]:
    """Comparisons of secrets with what is no constant, and the function that they are in."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                continue
            sides = (node.left, *node.comparators)
            if any(map(is_secret, sides)) and not any(isinstance(side, ast.Constant) for side in sides):
                yield function.name, node


def found() -> set[tuple[str, str]]:
    return {
        (str(file.relative_to(ROOT)), name)
        for folder in ("gateway", "kimi")
        for file in (ROOT / folder).rglob("*.py")
        for name, _ in compared(ast.parse(file.read_text("utf-8")))
    }


def test_secrets_are_compared_in_constant_time() -> None:
    assert not found()


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("digest == known", 1),
        ("self._csrf_token != sent", 1),
        ("digest_of(key) == known", 1),
        ("found.digest == digest", 1),
        ("trigger[4:] == half", 1),
        ("proof == ''", 0),
        ("compare_digest(digest, known)", 0),
        ("tokens == other", 0),
    ],
)
def test_what_looks_for_them_sees_them(code: str, number: int) -> None:
    assert len(list(compared(ast.parse(f"def f():\n    return {code}")))) == number
