"""Files and images in messages, in every shape that clients write them in.

`image_url` and `file` are OpenAI's for chat completions, `input_image` and `input_file` those of its Responses;
`file_url` and a `file` with a URL are kimi-free-api's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import BadRequest
from kimi.chat import Attachment

_IMAGES: Final = frozenset({"image_url", "input_image"})
_FILES: Final = frozenset({"file", "file_url", "input_file"})
_URLS: Final = ("image_url", "file_url", "url")
_SCHEMES: Final = ("http://", "https://", "data:")


def attachment(part: Mapping[str, Any], where: str) -> Attachment:
    """The file or image that a part of a message is, at `where`. Raises `BadRequest`."""
    kind = part["type"]
    if kind not in _IMAGES | _FILES:
        raise BadRequest("This model reads text, files and images, no other parts.", param=where)
    inner = part.get("file")
    holder, at = (inner, f"{where}.file") if isinstance(inner, dict) else (part, where)
    return Attachment(_source(holder, at), where, _name(holder, at), kind in _IMAGES)


def _source(holder: Mapping[str, Any], where: str) -> str:
    data = holder.get("file_data")
    if data is not None:
        return _data(data, f"{where}.file_data")
    found = next((name for name in _URLS if holder.get(name) is not None), None)
    if found is not None:
        return _url(holder[found], f"{where}.{found}")
    if holder.get("file_id") is not None:
        raise BadRequest("There is no such file here: send its content or a URL.", param=f"{where}.file_id")
    raise BadRequest("A file or image needs its content or a URL.", param=where)


def _data(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequest("The content of a file has to be base64 or a `data:` URL.", param=where)
    return value if _is_url(value) else f"data:;base64,{value}"


def _url(value: object, where: str) -> str:
    if isinstance(value, dict):
        value, where = value.get("url"), f"{where}.url"
    url = value.strip() if isinstance(value, str) else ""
    if not _is_url(url):
        # What is a URL, and no good one, is found out when it is fetched: it is the same to the client.
        code = "invalid_file" if url else "invalid_value"
        raise BadRequest("This has to be an http, https or `data:` URL.", code=code, param=where)
    return url


def _name(holder: Mapping[str, Any], where: str) -> str:
    name = holder.get("filename")
    if name is not None and not isinstance(name, str):
        raise BadRequest("`filename` has to be a text.", param=f"{where}.filename")
    return name or ""


def _is_url(text: str) -> bool:
    return text[:8].lower().startswith(_SCHEMES)
