"""Reading accounts as operators write them: the accounts file (YAML, and so JSON too), and a list of bare tokens.

All mistakes are reported at once, each with the place it stands at, and never with a secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kimi import account_entries, credentials
from kimi.accounts import ConfiguredAccount, Kind
from kimi.errors import redact
from kimi.startup import StartError


class AccountsError(StartError):
    """The accounts as they are written cannot be used; `str()` has a line for each mistake."""


def read_text(path: Path) -> str:
    """The text of the file at `path`. Raises `AccountsError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AccountsError(f"{path}: there is no such file") from None
    except OSError as error:
        raise AccountsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AccountsError(f"{path}: is not UTF-8 text") from None


def parse(text: str, source: str) -> tuple[ConfiguredAccount, ...]:
    """The accounts in the `text` of an accounts file; `source` names it in messages. Raises `AccountsError`."""
    entries = _entries(_load(text, source), source)
    accounts: list[ConfiguredAccount] = []
    mistakes: list[str] = []
    for index, raw in enumerate(entries):
        try:
            accounts.append(account_entries.read(raw))
        except account_entries.EntryError as error:
            mistakes += [f"{_place(index, raw)}: {complaint}" for complaint in error.complaints]
    mistakes += _duplicates(entries)
    if mistakes:
        raise AccountsError("\n".join(f"{source}: {mistake}" for mistake in mistakes))
    return tuple(accounts)


def from_tokens(text: str, kind: Kind) -> tuple[ConfiguredAccount, ...]:
    """Accounts of `kind` from comma- or newline-separated credentials. Raises `ValueError` that names the bad ones.

    One that was pasted twice is taken once. Two tokens of one login are two accounts: which of them is still good, only
    Kimi knows.
    """
    accounts: dict[str, ConfiguredAccount] = {}
    logins: Counter[str] = Counter()
    mistakes: list[str] = []
    for position, given in enumerate(credentials.split(text), start=1):
        try:
            member = account_entries.bare(kind, given)
        except credentials.CredentialError as error:
            mistakes.append(f"entry {position} {error}")
            continue
        if member.secret in accounts:
            continue
        logins[member.account.name] += 1
        if (number := logins[member.account.name]) > 1:
            member = replace(member, account=replace(member.account, name=f"{member.account.name}-{number}"))
        accounts[member.secret] = member
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return tuple(accounts.values())


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is a mistake and not a silent loss."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused by the parent
            if key.value in seen:
                problem = f"{key.value} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _load(text: str, source: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:  # str(error) would quote the file
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise AccountsError(f"{place}: is not valid YAML: {redact(error.problem or 'it breaks off')}") from None
    except yaml.YAMLError:
        raise AccountsError(f"{source}: is not valid YAML: it contains a character that YAML does not allow") from None


def _entries(document: object, source: str) -> Sequence[object]:
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise AccountsError(f"{source}: must be a mapping with a list under `accounts`")
    if strange := [redact(str(key), limit=64) for key in document if key != "accounts"]:
        raise AccountsError(f"{source}: only `accounts` may stand at the top, not {', '.join(strange)}")
    entries = document.get("accounts")
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise AccountsError(f"{source}: accounts must be a list")
    return entries


def _place(index: int, raw: object) -> str:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return f"accounts[{index}] ({redact(name, limit=64)})" if isinstance(name, str) and name else f"accounts[{index}]"


def _duplicates(entries: Sequence[object]) -> Iterator[str]:
    """Names and secrets that stand twice, also where other fields of those accounts are wrong."""
    seen: dict[tuple[str, str], str] = {}
    for index, raw in enumerate(entries):
        if not isinstance(raw, Mapping):
            continue
        place = _place(index, raw)
        for field, value in _unique_fields(raw):
            first = seen.setdefault((field, value), place)
            if first != place:
                yield f"{place}: has the same {field} as {first}"


def _unique_fields(raw: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(raw.get("name"), str):
        yield "name", raw["name"].strip()
    for field, reader in (("refresh_token", credentials.refresh_token), ("api_key", credentials.api_key)):
        try:
            yield field, reader(raw.get(field))
        except credentials.CredentialError:
            continue  # told already
