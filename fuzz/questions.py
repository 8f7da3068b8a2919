"""Requests for every endpoint of the OpenAPI document, odd in their bodies, their heads or altogether."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from fuzz.mutations import ODD, Choose, as_text, broken, mutated

Json = Any

_IDS: Final = (
    "kimi",
    "nobody",
    "%00",
    "%ff",
    "..",
    "%2e%2e%2fetc",
    "a" * 3000,
    "%F0%9F%8C%99",
    "a b",
    "{id}",
    "\\",
    "",
)
_METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 40, "")
_PATHS: Final = (
    *(
        "*",
        "/",
        "//",
        "/%",
        "/v1//models",
        "/v1/chat/completions/",
        "http://x/v1/models",
        "/v1/models?\x00",
        "/" * 9000,
    ),
    *("/v1/models?a=%zz&b", "/\xff", "/v1/../v1/models", "/v1/models#x", "", "/v1/models HTTP/1.1 x"),
)
_VERSIONS: Final = ("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/", "")
_FIELDS: Final = (
    *("Content-Length: -1", "Content-Length: 5", "Content-Length: 99999999999999999999", "Content-Length: 1, 1"),
    *("Content-Length: +1", "Content-Length: 0x10", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked"),
    *("Transfer-Encoding: identity", "Transfer-Encoding: \x0bchunked", "Expect: 100-continue", "Expect: x"),
    *(
        "Content-Encoding: gzip",
        "Content-Encoding: br",
        "Content-Type: text/plain",
        "Content-Type: multipart/form-data",
    ),
    *("Content-Type: application/json; charset=utf-16", "Content-Type: ;;", "Host: a", "Host: \xff<>", "Host:", ": x"),
    *("Authorization: Bearer", "Authorization: Bearer \xe9", "Authorization: Basic !!", f"x-api-key: {'k,' * 3000}"),
    *(
        "Accept-Encoding: gzip;q=x",
        "anthropic-version: \xff",
        f"X: {'x' * 60_000}",
        "X",
        " X: folded",
        "X : y",
        "X\0: y",
    ),
    *(
        "Cookie: kimi_admin=\xff",
        "Cookie: =;=",
        'If-None-Match: "',
        "Range: bytes=9-1",
        "Upgrade: h2c",
        "Connection: x",
    ),
    *("X-Forwarded-For: \xff", "X-Forwarded-For: 1.2.3.4, unknown", 'Forwarded: for="', "traceparent: 00-0-0-\xff"),
    *("X-Request-Id: \xff", f"X-Request-Id: {'i' * 5000}", "Last-Event-ID: \xff", *(f"X-{n}: 1" for n in range(3))),
)
_WITHOUT_KEYS: Final = tuple(field for field in _FIELDS if not field.startswith(("Authorization", "x-api-key")))
_CHUNKS: Final = (
    b"0\r\n\r\n",
    b"5\r\n{}",
    b"zz\r\n",
    b"-1\r\n",
    b"2;x\r\n{}\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"\n",
)


@dataclass(frozen=True, slots=True)
class Question:
    """A request before it is bytes."""

    method: str
    path: str
    fields: tuple[str, ...]
    body: bytes = b""
    version: str = "HTTP/1.1"

    def as_bytes(self) -> bytes:
        """As it is sent. Its length stands where it has a body."""
        length = (f"Content-Length: {len(self.body)}",) if self.body else ()
        lines = (f"{self.method} {self.path} {self.version}", *length, *self.fields, "", "")
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint, the examples of what it is asked, and all fields that a body may have."""

    method: str
    path: str
    examples: tuple[Json, ...]
    queries: tuple[str, ...]
    fields: tuple[str, ...]


def operations(document: Json) -> Iterator[Operation]:
    """All that the document has."""
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {}).values()
            found = [example for media in content for example in media.get("examples", {}).values()]
            named = (parameter["name"] for parameter in told.get("parameters", ()) if parameter["in"] == "query")
            examples = tuple(_value(document, example) for example in found)
            fields = (name for media in content for name in _schema(document, media).get("properties", ()))
            yield Operation(method.upper(), path, examples, tuple(named), tuple(fields))


def _schema(document: Json, media: Mapping[str, Json]) -> Json:
    schema = media.get("schema", {})
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def _value(document: Json, example: Mapping[str, Json]) -> Json:
    if "$ref" not in example:
        return example["value"]
    return document["components"]["examples"][example["$ref"].rsplit("/", 1)[-1]]["value"]


class Dice:
    """Makes questions, the same for the same `seed`. `keys` are for the operators' endpoints and for all others."""

    def __init__(self, document: Json, seed: str, keys: tuple[str, str]) -> None:
        # Wrong keys close the operators' door for a while, behind which nothing would be asked.
        self._operations = [one for one in operations(document) if one.path != "/admin/api/session"]
        self._public = [one for one in self._operations if not one.path.startswith("/admin")]
        self._dice = random.Random(seed)  # noqa: S311 - what is found is to be found again
        self._choose: Choose = self._dice.choice
        self._keys = keys

    def kind(self) -> str:
        """What to ask next: `value`, `text`, `head` or `noise`."""
        return self._choose(("value",) * 6 + ("text", "head", "head", "noise"))

    def value(self) -> Question:
        """A request whose JSON is odd."""
        plain, example, fields = self._plain()
        if example is None:
            return plain
        if self._choose((True, False, False)) and fields:
            example = {**example, self._choose(fields): self._choose(ODD)}
        for _ in range(self._choose((1, 1, 2, 4))):
            example = mutated(example, self._choose)
        return replace(plain, body=as_text(example))

    def text(self) -> Question:
        """A request whose body is hardly JSON."""
        plain, example, _ = self._plain()
        return replace(plain, body=broken(as_text(example), self._choose))

    def head(self) -> bytes:
        """A request with something odd in its head."""
        plain, example, _ = self._plain()
        odd = replace(plain, body=b"" if example is None else as_text(example))
        match self._choose(("method", "path", "version", "field", "field", "field", "chunks")):
            case "method":
                odd = replace(odd, method=self._choose(_METHODS))
            case "path":
                odd = replace(odd, path=self._choose(_PATHS))
            case "version":
                odd = replace(odd, version=self._choose(_VERSIONS))
            case "field":
                known = _WITHOUT_KEYS if odd.path.startswith("/admin") else _FIELDS
                odd = replace(odd, fields=(*odd.fields, self._choose(known), self._choose(known)))
            case _:
                odd = replace(odd, fields=(*odd.fields, "Transfer-Encoding: chunked"), body=b"")
                return odd.as_bytes() + b"".join(self._choose(_CHUNKS) for _ in range(self._choose((1, 2, 3))))
        return odd.as_bytes()

    def noise(self) -> bytes:
        """Bytes that are hardly HTTP."""
        if self._choose((True, False)):
            return self._dice.randbytes(self._choose((1, 20, 300, 20_000)))
        plain, example, _ = self._plain(self._public)
        return broken(replace(plain, body=as_text(example)).as_bytes(), self._choose)

    def _plain(self, some: Sequence[Operation] = ()) -> tuple[Question, Json, tuple[str, ...]]:
        operation = self._choose(some or self._operations)
        path = operation.path.replace("{id}", quote(self._choose(_IDS), safe="%.{}\\"))
        if self._choose((True, False)) and operation.queries:
            odd = quote(str(self._choose(ODD))[:2000], errors="replace")
            path += f"?{self._choose(operation.queries)}={odd}"
        key = self._keys[0] if path.startswith("/admin") else self._keys[1]
        fields = ("Host: gateway.example", "Connection: close", f"Authorization: Bearer {key}")
        if not operation.examples:
            return Question(operation.method, path, fields), None, ()
        plain = Question(operation.method, path, (*fields, "Content-Type: application/json"))
        return plain, self._choose(operation.examples), operation.fields
