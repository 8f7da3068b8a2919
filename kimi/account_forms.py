"""The forms in which operators have accounts in a file, told apart by what they look like. Pure; quotes no secret.

- a mapping with a list under `accounts`, in YAML or JSON: the form of our own
- reverse-kimi's `config.json`, an object with `refresh_token`, `auth_token` and perhaps `token`: one account, and the
  key that its clients send
- a dump of the site's localStorage, a JSON object or the `key<TAB>value` or `key: value` lines of the developer tools:
  an account for each refresh token in it
- a JSON list of such objects, or of tokens; with fields of ours in it, the list that stands under `accounts` otherwise
- tokens alone, one a line, with comments behind `#`

What stands there without a kind is of the kind that the operator has chosen: tokens do not tell which of the web chat's
dialects they are for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from kimi import account_entries, credentials
from kimi.accounts import ConfiguredAccount, Kind
from kimi.credentials import CredentialError
from kimi.redaction import redact
from kimi.startup import StartError

_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_OURS: Final = account_entries.FIELDS - {"refresh_token"} | {"accounts"}
_BITS: Final = 64  # of a number
_TOKEN_LINE: Final = re.compile(r"(?i:bearer\s+)*(?:eyJ|sk-)[^\s:]*")


class AccountsError(StartError):
    """The accounts as they are written cannot be used; `str()` has a line for each mistake."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One account as it is written, `place` in words; `member` is None where it has `complaints`.

    `line` is the number of its line, where it has one of its own. `code` tells programs what the complaint is about.
    """

    place: str
    member: ConfiguredAccount | None
    complaints: tuple[str, ...] = ()
    raw: object = None
    line: int | None = None
    code: str = "malformed"


def entries(text: str, source: str, kind: Kind) -> tuple[Entry, ...]:
    """Every account in `text`; `source` names it in places. Raises `AccountsError` for what is none of the forms."""
    found = _json(text)
    if found is None:
        return tuple(_lined(text, source, kind)) or tuple(_ours(_accounts(_yaml(text, source), source), source))
    if isinstance(found, list):
        return tuple(_ours(found, source, "") if _has_fields_of_ours(found) else _each(found, source, kind))
    if isinstance(found, str) or credentials.has_refresh_token(found):
        return (_alone(found, source, _login_kind(kind)),)
    if isinstance(found, Mapping) and "accounts" not in found:
        raise AccountsError(f"{source}: has neither `accounts` nor a refresh token in it")
    return tuple(_ours(_accounts(found, source), source))


def says_none(text: str) -> bool:
    """Whether `text` says that there are no accounts: with an empty list, for half a file may have none in it too.

    Raises `AccountsError`.
    """
    found = _json(text)
    document = _yaml(text, "text") if found is None else found
    return document == [] or (isinstance(document, Mapping) and document.get("accounts") == [])


def client_keys_in(text: str) -> tuple[str, ...]:
    """The keys that clients of reverse-kimi send, where `text` is its `config.json` or a list of several."""
    found = _json(text)
    keys = map(_client_key, found if isinstance(found, list) else [found])
    return tuple(dict.fromkeys(key for key in keys if key))


def _client_key(found: object) -> str | None:
    if not isinstance(found, Mapping) or not {"auth_token", "refresh_token"} <= found.keys():
        return None
    key = found.get("token")
    return credentials.bare(key) or None if isinstance(key, str) else None


def numbered(members: Iterable[ConfiguredAccount]) -> tuple[ConfiguredAccount, ...]:
    """Accounts that are named after their login, each secret once, with a number where a login has several.

    Two tokens of one login are two accounts: which of them is still good, only Kimi knows.
    """
    accounts: dict[str, ConfiguredAccount] = {}
    logins: dict[str, int] = {}
    for member in members:
        if member.secret in accounts:
            continue
        name = member.account.name
        logins[name] = logins.get(name, 0) + 1
        if logins[name] > 1:
            member = replace(member, account=replace(member.account, name=f"{name}-{logins[name]}"))  # noqa: PLW2901
        accounts[member.secret] = member
    return tuple(accounts.values())


def _json(text: str) -> object:
    """The object, list or text in JSON that `text` is, or None. YAML may begin with the same characters."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):  # nested a thousand times, of which the reader of YAML tells more
        return None


def _without_repetition(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """What YAML's reader refuses, with the place."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if word := _COMMENT.sub("", line).strip():
            yield number, word


def _lined(text: str, source: str, kind: Kind) -> Iterator[Entry]:
    """Tokens a line, or those of a localStorage's lines; none where `text` is something else."""
    lines = tuple(_lines(text))
    if any(_TOKEN_LINE.match(line) for _, line in lines[:1]):
        for number, line in lines:
            for given in credentials.split(line):
                yield _alone(given, f"{source}:{number}", kind, number)
    elif not any(line.partition(":")[0].strip(" -{[") in _OURS for _, line in lines):
        for number, line in lines:
            if credentials.is_storage(line):
                yield _alone(line, f"{source}:{number}", _login_kind(kind), number)


def _each(found: Sequence[object], source: str, kind: Kind) -> Iterator[Entry]:
    for index, given in enumerate(found):
        yield _alone(given, f"{source}: [{index}]", kind if isinstance(given, str) else _login_kind(kind))


def _has_fields_of_ours(found: Sequence[object]) -> bool:
    return any(isinstance(each, Mapping) and not _OURS.isdisjoint(each) for each in found)


def _login_kind(kind: Kind) -> Kind:
    """The kind of what names a refresh token, which is never an API key."""
    return kind if kind.is_web else Kind.KIMI


def _alone(given: object, place: str, kind: Kind, line: int | None = None) -> Entry:
    try:
        return Entry(place, account_entries.bare(kind, given), line=line)
    except CredentialError as error:
        return Entry(place, None, (str(error),), line=line, code=error.code)


def _ours(found: Sequence[object], source: str, under: str = "accounts") -> Iterator[Entry]:
    for index, raw in enumerate(found):
        yield _configured(raw, f"{source}: {under}{_place(index, raw)}")


def _configured(raw: object, place: str) -> Entry:
    try:
        return Entry(place, account_entries.read(raw), raw=raw)
    except account_entries.EntryError as error:
        return Entry(place, None, error.complaints, raw, code="invalid_entry")


def _place(index: int, raw: object) -> str:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return f"[{index}] ({redact(name, limit=64)})" if isinstance(name, str) and name else f"[{index}]"


def _accounts(document: object, source: str) -> Sequence[object]:
    if document is None:
        return ()
    if isinstance(document, list):
        raise AccountsError(f"{source}: a list must stand under `accounts`, or be valid JSON")
    if not isinstance(document, Mapping):
        raise AccountsError(f"{source}: must be a mapping with a list under `accounts`, or hold refresh tokens")
    if strange := [redact(str(key), limit=64) for key in document if key != "accounts"]:
        raise AccountsError(f"{source}: only `accounts` may stand at the top, not {', '.join(strange[:8])}")
    found = document.get("accounts")
    if found is None:
        return ()
    if not isinstance(found, list):
        raise AccountsError(f"{source}: accounts must be a list")
    return found


class _Strict(yaml.constructor.SafeConstructor):
    """YAML in which a key that stands twice is a mistake and not a silent loss, and so is what only looks like a value.

    PyYAML takes `2024-13-01` for a date and `0x_` for a number, and fails at both as it comes.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            found = super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise _mistake(f"it is no {node.tag.rpartition(':')[2]}; a text stands in quotes", node) from error
        if isinstance(found, int) and found.bit_length() > _BITS:  # of too many digits Python makes no text
            raise _mistake("the number is too large", node)
        return found

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _mistake("it is no map", node)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused by the parent
            if key.value in seen:
                raise _mistake(f"{key.value} stands twice in one mapping", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _mistake(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


class _Loader(_Strict, yaml.SafeLoader):
    """Says best what is wrong, and takes 4 s for 10,000 accounts."""


class _Fast(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # it may lack the library
    """Takes a third of that."""


def _yaml(text: str, source: str) -> object:
    try:
        return yaml.load(text, _Fast)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, RecursionError):
        return _yaml_told(text, source)


def _yaml_told(text: str, source: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:  # str(error) would quote the file
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise AccountsError(f"{place}: is not valid YAML: {redact(error.problem or 'it breaks off')}") from None
    except RecursionError:
        raise AccountsError(f"{source}: is nested too deep") from None
    except yaml.YAMLError:
        raise AccountsError(f"{source}: is not valid YAML: it contains a character that YAML does not allow") from None
