"""Reading accounts as operators write them: the accounts file, in any of its forms, and a list of bare tokens.

All mistakes are reported at once, each with the place it stands at, and never with a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kimi import account_entries, credentials
from kimi.account_forms import AccountsError, Entry, client_keys_in, entries, numbered
from kimi.accounts import ConfiguredAccount, Kind

__all__ = ["AccountsError", "NoSuchFile", "NotRead", "client_keys", "from_tokens", "parse", "read_text"]


class NoSuchFile(AccountsError):
    """There is none."""


class NotRead(AccountsError):
    """It could not be read, which may be otherwise the next time."""


def read_text(path: Path) -> str:
    """The text of the file at `path`. Raises `AccountsError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: there is no such file") from None
    except OSError as error:
        raise NotRead(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AccountsError(f"{path}: is not UTF-8 text") from None


def parse(text: str, source: str, kind: Kind = Kind.KIMI) -> tuple[ConfiguredAccount, ...]:
    """The accounts in the `text` of an accounts file; `source` names it in messages. Raises `AccountsError`.

    `kind` is that of accounts which are written without any.
    """
    found = entries(text, source, kind)
    mistakes = [f"{entry.place}: {complaint}" for entry in found for complaint in entry.complaints]
    mistakes += _duplicates(found, source)
    if mistakes:
        raise AccountsError("\n".join(mistakes))
    members = tuple(entry.member for entry in found if entry.member is not None)
    return members if any(entry.raw is not None for entry in found) else numbered(members)


def client_keys(path: Path) -> tuple[str, ...]:
    """The keys that the file at `path` holds for clients, as those of reverse-kimi do. A file may be missing."""
    try:
        return client_keys_in(read_text(path))
    except AccountsError:
        return ()  # whoever needs its accounts says what is wrong


def from_tokens(text: str, kind: Kind) -> tuple[ConfiguredAccount, ...]:
    """Accounts of `kind` from comma- or newline-separated credentials. Raises `ValueError` that names the bad ones.

    One that was pasted twice is taken once.
    """
    members: list[ConfiguredAccount] = []
    mistakes: list[str] = []
    for position, given in enumerate(credentials.split(text), start=1):
        try:
            members.append(account_entries.bare(kind, given))
        except credentials.CredentialError as error:
            mistakes.append(f"entry {position} {error}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return numbered(members)


def _duplicates(found: Sequence[Entry], source: str) -> Iterator[str]:
    """Names and secrets that stand twice, also where other fields of those accounts are wrong."""
    seen: dict[tuple[str, str], str] = {}
    for entry in found:
        if not isinstance(entry.raw, Mapping):
            continue
        for field, value in _unique_fields(entry.raw):
            first = seen.setdefault((field, value), entry.place)
            if first != entry.place:
                yield f"{entry.place}: has the same {field} as {first.removeprefix(f'{source}: ')}"


def _unique_fields(raw: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(raw.get("name"), str):
        yield "name", raw["name"].strip()
    for field, reader in (("refresh_token", credentials.refresh_token), ("api_key", credentials.api_key)):
        try:
            yield field, reader(raw.get(field))
        except credentials.CredentialError:
            continue  # told already
