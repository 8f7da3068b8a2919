"""The document as the page shows it: surfaces, their endpoints, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from gateway.openapi import document
from gateway.openapi_fields import Field, Fields
from gateway.openapi_words import Json

BASE: Final = "@@BASE@@"
"""Stands in the page for the address at which it was asked for."""
_JSON: Final = "application/json"
_COMMON: Final = re.compile("request-id$|ratelimit-")  # headers of every answer: they are told of once
_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Sample:
    """An example as it is shown."""

    title: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A status that is an error, or the answer that is none; and the codes that come with it."""

    status: str
    says: str
    codes: tuple[str, ...]
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    needs_key: bool
    parameters: tuple[Field, ...]
    same_as: Endpoint | None  # which has the same request
    fields: tuple[Field, ...]
    answer_fields: tuple[Field, ...]
    requests: tuple[Sample, ...]
    answers: tuple[Sample, ...]
    statuses: tuple[Failure, ...]

    @property
    def anchor(self) -> str:
        """By which links reach it."""
        return f"{self.method.lower()}{re.sub(r'[^a-z0-9]+', '-', self.path.lower())}".rstrip("-")


class Page:
    """Reads one document."""

    def __init__(self, api: Mapping[str, Any]) -> None:
        self._api = api
        self._parts = api["components"]
        self._fields = Fields(self._parts["schemas"])

    def surfaces(self) -> list[tuple[str, str, list[Endpoint]]]:
        """The name of each surface, what it is, and its endpoints."""
        found: dict[str, list[Endpoint]] = {tag["name"]: [] for tag in self._api["tags"]}
        asked: dict[str, Endpoint] = {}  # by the schemas of their requests
        for path, operations in self._api["paths"].items():
            for method, operation in operations.items():
                schema = _asked(operation)
                endpoint = self._endpoint(method.upper(), path, operation, same_as=asked.get(schema.get("$ref", "")))
                asked.setdefault(schema.get("$ref", endpoint.anchor), endpoint)
                found[operation["tags"][0]].append(endpoint)
        return [(tag["name"], tag["description"], found[tag["name"]]) for tag in self._api["tags"]]

    def codes(self) -> list[tuple[str, list[str], str, list[str]]]:
        """Every code with its statuses, an example, and its messages."""
        found: dict[str, tuple[set[str], str, list[str]]] = {}
        for status, answer in self._answers():
            for each in answer["content"].get(_JSON, {}).get("examples", {}).values() if status >= "4" else ():
                error = self._value(each).get("error", {})
                if "code" not in error:  # in Anthropic's shape, and where a probe says what is missing
                    continue
                shown = _pretty(self._value(each))
                statuses, _, messages = found.setdefault(error["code"], (set(), shown, list[str]()))
                statuses.add(status)
                if error["message"] not in messages:
                    messages.append(error["message"])
        return [(code, sorted(row[0]), row[1], row[2]) for code, row in sorted(found.items(), key=_by_status)]

    def _answers(self) -> list[tuple[str, Mapping[str, Any]]]:
        operations = [operation for path in self._api["paths"].values() for operation in path.values()]
        listed = [pair for operation in operations for pair in operation["responses"].items()]
        return listed + [(name[-3:], answer) for name, answer in self._parts["responses"].items()]

    def _endpoint(self, method: str, path: str, operation: Mapping[str, Any], *, same_as: Endpoint | None) -> Endpoint:
        body = operation.get("requestBody", {}).get("content", {})
        good = operation["responses"].get("200", {}).get("content", {})
        return Endpoint(
            method=method,
            path=path,
            summary=operation["summary"],
            paragraphs=tuple(operation["description"].split("\n\n")),
            needs_key=operation.get("security") != [],
            parameters=tuple(self._parameter(each) for each in operation.get("parameters", ())),
            same_as=same_as,
            fields=tuple(self._fields.rows(_asked(operation))),
            answer_fields=tuple(self._fields.rows(good[_JSON]["schema"])) if _JSON in good else (),
            requests=tuple(self._requests(method, path, operation, body)),
            answers=tuple(self._samples(good)),
            statuses=tuple(self._status(status, each) for status, each in operation["responses"].items()),
        )

    def _parameter(self, parameter: Mapping[str, Any]) -> Field:
        where = {"query": "in the query", "path": "in the path", "header": "header"}[parameter["in"]]
        return Field(parameter["name"], where, bool(parameter.get("required")), parameter.get("description", ""))

    def _requests(self, method: str, path: str, operation: Mapping[str, Any], body: Mapping[str, Any]) -> list[Sample]:
        for each in operation.get("parameters", ()):
            path = path.replace(f"{{{each['name']}}}", str(each.get("example", "")))
        key = _key(operation)
        examples = body.get(_JSON, {}).get("examples", {}).values()
        if not examples:
            return [Sample("Ask", _curl(method, path, key), "curl")]
        head = [key, '-H "Content-Type: application/json"']
        return [Sample(each["summary"], _curl(method, path, *head, _data(each["value"])), "curl") for each in examples]

    def _samples(self, content: Mapping[str, Any]) -> list[Sample]:
        return [
            Sample(each["summary"], value if isinstance(value, str) else _pretty(value), kind)
            for kind, media in content.items()
            for each in media.get("examples", {}).values()
            for value in [each["value"]]
        ]

    def _status(self, status: str, answer: Mapping[str, Any]) -> Failure:
        examples = answer["content"].get(_JSON, {}).get("examples", {}).values()
        refs = [each["$ref"] for each in examples if "$ref" in each]
        codes = (self._parts["examples"][each.rsplit("/", 1)[-1]]["summary"] for each in refs)
        headers = (name for name in answer.get("headers", ()) if not _COMMON.search(name))
        return Failure(status, answer["description"], tuple(dict.fromkeys(codes)), tuple(headers))

    def _value(self, example: Mapping[str, Any]) -> Any:
        found = self._parts["examples"][example["$ref"].rsplit("/", 1)[-1]] if "$ref" in example else example
        return found["value"]


@cache
def rendered() -> str:
    """The page, with `BASE` in place of the gateway's own address."""
    environment = Environment(loader=PackageLoader("gateway"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["told"] = _told
    api: Json = document()
    page = Page(api)
    return environment.get_template("docs.html").render(
        api=api, surfaces=page.surfaces(), codes=page.codes(), headers=api["components"]["headers"], base=BASE
    )


def _key(operation: Mapping[str, Any]) -> str:
    """What curl is told so that the door opens. The secret is in a variable of the shell."""
    match operation.get("security"):
        case []:
            return ""
        case [{"admin-session": _}]:
            return '-b "kimi_admin=$SESSION"'
        case None:
            return '-H "Authorization: Bearer $KEY"'
    return '-H "Authorization: Bearer $ADMIN_KEY"'


def _asked(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the JSON that a request has; empty where it has none."""
    schema: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
    return schema


def _told(text: str) -> Markup:
    """A text in which what stands in backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


def _curl(method: str, path: str, *options: str) -> str:
    body = any(each.startswith("-d ") for each in options)
    flags = "-N " if any('"stream": true' in each for each in options) or path == "/chat/kimi" else ""
    flags += "" if method == ("POST" if body else "GET") else f"-X {method} "
    return " \\\n  ".join([f"curl {flags}{BASE}{path}", *filter(None, options)])


def _data(value: Any) -> str:
    return "-d '" + _pretty(value).replace("'", "'\\''") + "'"


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _by_status(item: tuple[str, tuple[set[str], str, list[str]]]) -> tuple[str, str]:
    return min(item[1][0]), item[0]
