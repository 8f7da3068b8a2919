"""The codes of errors that the sources write down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def written(folder: Path) -> set[str]:
    """Every `code` that is given to a call, is a field of a class, or is the default of a parameter.

    Names of constants stand for what they are. What passes a `code` on that was written elsewhere adds nothing; for
    anything else this raises `AssertionError`, since nobody could say what it is.
    """
    return {code for path in sorted(folder.rglob("*.py")) for code in _of(ast.parse(path.read_text("utf-8")), path)}


def _of(tree: ast.Module, path: Path) -> Iterator[str]:
    constants = dict(_assigned(tree))
    for node in ast.walk(tree):
        for value in _codes(node):
            match value:
                case ast.Constant(value=str(code)):
                    yield code
                case ast.Name(id=name) if name in constants:
                    yield constants[name]
                case ast.Name(id="code") | ast.Attribute(attr="code"):
                    continue
                case _:
                    raise AssertionError(f"{path}:{value.lineno}: which code is {ast.unparse(value)}?")


def _assigned(body: ast.Module | ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node in body.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                yield name, text


def _codes(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(keywords=keywords):
            yield from (each.value for each in keywords if each.arg == "code")
        case ast.ClassDef():
            yield from (ast.Constant(text, lineno=node.lineno) for name, text in _assigned(node) if name == "code")
        case ast.arguments(kwonlyargs=names, kw_defaults=defaults):
            pairs = zip(names, defaults, strict=True)
            yield from (default for name, default in pairs if name.arg == "code" and default is not None)
