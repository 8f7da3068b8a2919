"""Blocks of content as parts of a message of chat completions: texts, and files and images with where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.errors import BadRequest

Part = tuple[str | Mapping[str, Any], str]
"""A text, or an attachment as chat completions has it, and its place in the client's body."""
_KINDS: Final = ("text", "image", "document", "search_result")
_IN_DOCUMENTS: Final = ("text", "image")


def blocks(content: object, where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The blocks of `content` and their places. Raises `BadRequest`."""
    if not isinstance(content, list):
        raise BadRequest("This has to be a text or a list of blocks.", param=where)
    for index, block in enumerate(content):
        at = f"{where}.{index}"
        if not isinstance(block, Mapping):
            raise BadRequest("A block has to be an object with a `type`.", param=at)
        yield block, at


def kind_of(block: Mapping[str, Any], where: str) -> str:
    """The type of a block. Raises `BadRequest`."""
    kind = block.get("type")
    if not isinstance(kind, str):
        raise BadRequest("A block has to be an object with a `type`.", param=where)
    return kind


def text_of(block: Mapping[str, Any], field: str, where: str) -> str:
    """A field that has to be a text. Raises `BadRequest`."""
    text = block.get(field)
    if not isinstance(text, str):
        raise BadRequest(f"`{field}` has to be a text.", param=f"{where}.{field}")
    return text


def texts(content: object, where: str) -> list[str]:
    """The texts of blocks that can be nothing else; none where there is nothing. Raises `BadRequest`."""
    if content is None:
        return []
    found = []
    for block, at in blocks(content, where):
        if kind_of(block, at) != "text":
            raise BadRequest("Only blocks of text can stand here.", param=f"{at}.type")
        found.append(text_of(block, "text", at))
    return found


def parts(block: Mapping[str, Any], where: str) -> Iterator[Part]:
    """What a user shows with a block. Raises `BadRequest`."""
    match kind_of(block, where):
        case "text":
            yield text_of(block, "text", where), where
        case "image":
            yield {"type": "image_url", "image_url": {"url": _url(_source(block, where), f"{where}.source")}}, where
        case "document":
            yield from _document(block, where)
        case "search_result":
            lines = (text_of(block, "title", where), text_of(block, "source", where))
            yield "\n".join([*lines, *texts(block.get("content"), f"{where}.content")]), where
        case "tool_reference":  # the tool itself stands among those that are offered
            yield f"`{text_of(block, 'tool_name', where)}` can be called now.", where
        case _:
            raise BadRequest(f"A block here has to be one of {', '.join(_KINDS)}.", param=f"{where}.type")


def _document(block: Mapping[str, Any], where: str) -> Iterator[Part]:
    source, at = _source(block, where), f"{where}.source"
    title = block.get("title")
    titles = [text for text in (title, block.get("context")) if isinstance(text, str) and text]
    match source.get("type"):
        case "text":
            yield "\n".join([*titles, text_of(source, "data", at)]), where
        case "content":
            if titles:
                yield "\n".join(titles), where
            content = source.get("content")
            if isinstance(content, str):
                yield content, where
            else:
                for inner, place in blocks(content, f"{at}.content"):
                    if kind_of(inner, place) not in _IN_DOCUMENTS:
                        raise BadRequest("A document holds blocks of text and images only.", param=f"{place}.type")
                    yield from parts(inner, place)
        case _:
            named = {"filename": title} if isinstance(title, str) and title else {}
            yield {"type": "file", "file": {"url": _url(source, at), **named}}, where


def _source(block: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    source = block.get("source")
    if not isinstance(source, Mapping):
        raise BadRequest("`source` has to be an object.", param=f"{where}.source")
    return source


def _url(source: Mapping[str, Any], where: str) -> str:
    """The content of a file or image as a `data:` URL, or where it lies. Raises `BadRequest`."""
    match source.get("type"):
        case "base64":
            return f"data:{text_of(source, 'media_type', where)};base64,{text_of(source, 'data', where)}"
        case "url":
            return text_of(source, "url", where)
        case "file":
            raise BadRequest("There is no such file here: send its content or a URL.", param=f"{where}.file_id")
        case _:
            raise BadRequest("`type` has to be `base64` or `url`.", param=f"{where}.type")
