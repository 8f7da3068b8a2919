"""Content of Responses' items as content of chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest

_TEXTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("input_text", "output_text", "text", "summary_text", "reasoning_text"), "text"),
    "refusal": "refusal",
}
_FILE: Final = ("filename", "file_data", "file_url", "file_id")

Content = str | list[dict[str, Any]]


def content(value: object, where: str, at: str, made: dict[str, str]) -> Content:
    """The content at `where` of the client's body, for the place `at` of the other one.

    Of files and images is noted in `made` where they stand. Raises `BadRequest`.
    """
    if isinstance(value, str):
        return value
    parts = _parts(value, where)
    if all(part["type"] in _TEXTS for part in parts):
        return texts(parts, where)
    return [_part(part, f"{where}[{index}]", f"{at}[{index}]", made) for index, part in enumerate(parts)]


def texts(value: object, where: str) -> str:
    """What a list of parts says that can only be texts. Raises `BadRequest`."""
    return "\n".join(_text(part, f"{where}[{index}]") for index, part in enumerate(_parts(value, where)))


def _parts(value: object, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise BadRequest("This has to be a text or a list of parts.", param=where)
    for index, part in enumerate(value):
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise BadRequest("A part has to be an object with a `type`.", param=f"{where}[{index}]")
    return value


def _part(part: Mapping[str, Any], where: str, at: str, made: dict[str, str]) -> dict[str, Any]:
    made[at] = where
    if part["type"] == "input_file":
        made[f"{at}.file"] = where
        return {"type": "file", "file": {name: part[name] for name in _FILE if part.get(name) is not None}}
    if part["type"] != "input_image":
        return {"type": "text", "text": _text(part, where)}
    if part.get("image_url") is None:
        return {"type": "input_image", "file_id": part.get("file_id")}
    made[f"{at}.image_url.url"] = f"{where}.image_url"
    image = {"url": part["image_url"]}
    if part.get("detail") is not None:
        image["detail"] = part["detail"]
    return {"type": "image_url", "image_url": image}


def _text(part: Mapping[str, Any], where: str) -> str:
    field = _TEXTS.get(part["type"])
    if field is None:
        raise BadRequest("This model reads text, files and images, no other parts.", param=f"{where}.type")
    text = part.get(field)
    if not isinstance(text, str):
        raise BadRequest(f"`{field}` has to be a text.", param=f"{where}.{field}")
    return text
