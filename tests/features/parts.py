"""Files as parts of messages, and what has become of them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tests.system.stack import Stack

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
TEXT = "内容 content\n".encode()
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def data_url(content: bytes, media: str) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def part(kind: str, url: str) -> dict[str, Any]:
    """A part in one of the shapes in which clients send it."""
    shapes: dict[str, dict[str, Any]] = {
        "file": {"type": "file", "file": {"filename": "plan.pdf", "file_data": url}},
        "file, kimi-free-api": {"type": "file", "file_url": {"url": url}},
        "file_url": {"type": "file_url", "file_url": {"url": url}},
        "input_file": {"type": "input_file", "filename": "plan.pdf", "file_data": url},
        "image_url": {"type": "image_url", "image_url": {"url": url}},
        "image_url, bare": {"type": "image_url", "image_url": url},
        "input_image": {"type": "input_image", "image_url": url},
    }
    return shapes[kind]


def question(*parts: dict[str, Any], text: str = "What is in it?") -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}, *parts]


def uploaded(stack: Stack, content: bytes) -> list[dict[str, Any]]:
    """What the upstream holds of that content."""
    digest = hashlib.sha256(content).hexdigest()
    return [file for file in stack.simulator.control("GET", "files") if file["digest"] == digest]


def unique(content: bytes, mark: object) -> bytes:
    """The content with something in it that no other test uploads."""
    return content + f"\n% {mark}".encode()
