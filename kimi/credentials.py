"""Reading what an operator pasted as a refresh token or API key. Pure; no message quotes the secret.

Accepted: the bare token, with `Bearer ` before it, the JSON `{"refresh_token": …}`, a dump of the site's localStorage
(a JSON object, or the `key<TAB>value` or `key: value` lines that a browser's developer tools copy), and the
`config.json` of reverse-kimi, where `token` and `auth_token` stand beside the one that is wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from kimi import claims

_KEYS: Final = ("refresh_token", "refreshToken")
_BEARER: Final = re.compile(r"^(?:bearer(?:\s+|$))+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[\w.~+/=-]+", re.ASCII)  # what may follow "Bearer ": RFC 6750, section 2.1
_SEPARATOR: Final = re.compile(r"[,\r\n]")
_STORAGE_LINE: Final = re.compile(r"^[ \t]*(?:refresh_token|refreshToken)(?:\t|[ \t]*:)(?P<value>.*)$", re.MULTILINE)
_BETWEEN: Final = ", \t\r\n"
_MAX_DEPTH: Final = 6  # a dump that was turned into a JSON string, whose value is a JSON string again


class CredentialError(ValueError):
    """What was given is no credential of the kind asked for; `str()` says why and what to do, without quoting it.

    `code` is the same for programs.
    """

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code


def refresh_token(given: object) -> str:
    """The refresh token in `given`, a text or a decoded JSON object. Raises `CredentialError`."""
    token = _dig(given, _MAX_DEPTH)
    if token.startswith("sk-"):
        raise CredentialError(
            "is an API key of the official platform: give it as api_key of kind moonshot", "for_moonshot"
        )
    _check_characters(token)
    if token.startswith("eyJ") and (token.count(".") != 2 or "" in token.split(".")):
        raise CredentialError(
            "is not complete: a token has three parts with a dot between them, copy it again", "incomplete"
        )
    if claims.read(token).typ == "access":
        raise CredentialError("is an access token: copy the value of refresh_token instead", "access_alone")
    return token


def api_key(given: object) -> str:
    """The API key of the official platform in `given`. Raises `CredentialError`."""
    if not isinstance(given, str):
        raise CredentialError("must be a text")
    key = bare(given)
    if key.startswith("eyJ"):
        raise CredentialError(
            "is a token of the web chat: give it as refresh_token of kind kimi or kimi-classic", "for_web"
        )
    _check_characters(key)
    return key


def has_refresh_token(given: object) -> bool:
    """Whether `given` is an object with a refresh token under its name."""
    return isinstance(given, Mapping) and any(given.get(key) for key in _KEYS)


def is_storage(text: str) -> bool:
    """Whether `text` is the lines of a localStorage, with a refresh token among them."""
    return _STORAGE_LINE.search(text) is not None


def split(text: str) -> Iterator[str]:
    """The credentials in a comma- or newline-separated `text`; a JSON object among them stays in one piece."""
    rest = text.strip(_BETWEEN)
    while rest:
        end = _end_of_first(rest)
        yield rest[:end].strip()
        rest = rest[end:].strip(_BETWEEN)


def _end_of_first(text: str) -> int:
    if text.startswith("{"):
        try:
            return json.JSONDecoder().raw_decode(text)[1]
        except (json.JSONDecodeError, RecursionError):
            return len(text)  # where it ends is anyone's guess; `refresh_token` says what is wrong
    separator = _SEPARATOR.search(text)
    return separator.start() if separator else len(text)


def _dig(given: object, depth: int) -> str:
    """The token inside objects, JSON texts and storage lines."""
    if depth == 0:
        raise CredentialError("is wrapped in JSON too many times: give the bare token")
    if isinstance(given, Mapping):
        return _dig(_from_object(given), depth - 1)
    if not isinstance(given, str):
        raise CredentialError("must be a text")
    text = given.strip().removeprefix("\ufeff").strip()
    if text.startswith(("{", '"')):
        return _dig(_from_json(text), depth - 1)
    if line := _STORAGE_LINE.search(text):
        return _dig(line["value"], depth - 1)
    return bare(text)


def _from_object(given: Mapping[object, object]) -> object:
    for key in _KEYS:
        if given.get(key):
            return given[key]
    raise CredentialError("is an object without a refresh_token in it")


def _from_json(text: str) -> object:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise CredentialError("looks like JSON and is not valid JSON: copy it again, or give the bare token") from None


def bare(text: str) -> str:
    """`text` without `Bearer ` before it."""
    return _BEARER.sub("", text.strip())


def _check_characters(secret: str) -> None:
    if not secret:
        raise CredentialError("is empty")
    if any(character.isspace() for character in secret):
        raise CredentialError("contains spaces or line breaks: give the token alone, in one piece")
    if not _TOKEN.fullmatch(secret):
        raise CredentialError("contains characters that no token has: copy it again")
