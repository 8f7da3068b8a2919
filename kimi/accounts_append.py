"""Adding accounts to an accounts file as a person would: everything that stands there stays as it is."""

from __future__ import annotations

import os
import re
import secrets
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

from kimi.account_forms import AccountsError
from kimi.accounts import Account, ConfiguredAccount, Kind, Region
from kimi.accounts_file import parse

_HEAD: Final = "accounts:\n"
_INDENT: Final = 2
_EMPTY: Final = re.compile(r"(\s*:[ \t]*)(?:\[\s*\]|~|null)?")
_NULL: Final = "tag:yaml.org,2002:null"
_DEFAULTS: Final = Account(name="", kind=Kind.KIMI)


def appended(text: str, members: Sequence[ConfiguredAccount], source: str, kind: Kind) -> str:
    """The `text` of an accounts file with `members` at its end. Raises `AccountsError` where that cannot be done."""
    before = parse(text, source, kind)
    whole = _with_list(text, source) if text.strip() else _HEAD
    node = _list_of(whole)
    indent = node.start_mark.column if node is not None else _INDENT
    lines = "".join(textwrap.indent(_entry(member), " " * indent) for member in members)
    after = f"{whole.rstrip()}\n{lines}"
    with suppress(AccountsError):
        if parse(after, source, kind) == (*before, *members):
            return after
    raise AccountsError(f"{source}: is not written so that accounts could be added at its end: do it by hand")


def rendered(members: Sequence[ConfiguredAccount]) -> str:
    """The text of an accounts file that holds `members`."""
    return _HEAD.rstrip() + (f"\n{''.join(map(_entry, members))}" if members else " []\n")


def write(path: Path, text: str, *, mode: int | None = None) -> None:
    """Puts `text` into the file at `path` as a whole or not at all; a new one can be read by its owner only.

    One that is there keeps its mode, unless `mode` is given. Raises `AccountsError`.
    """
    target = path.resolve()  # a link stays one
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        if mode is None:
            mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        with open(draft, "x", encoding="utf-8", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(target)
    except OSError as error:
        raise AccountsError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _with_list(text: str, source: str) -> str:
    """`text` with a list of accounts to add to, where it has none so far."""
    another = AccountsError(f"{source}: holds accounts in another form: name an accounts.yaml to write them to")
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:  # JSON with tabs, or the lines of a localStorage
        raise another from None
    if root is None:
        return f"{text.rstrip()}\n{_HEAD}"
    if not isinstance(root, yaml.MappingNode):
        raise another
    for name, value in root.value:
        if name.value == "accounts" and (value.tag == _NULL or value.value == []):
            end = name.end_mark.index
            return text[:end] + _EMPTY.sub(r"\1", text[end:], count=1)
    return text


def _list_of(text: str) -> yaml.Node | None:
    root = yaml.compose(text, yaml.SafeLoader)
    found = [value for name, value in root.value if name.value == "accounts"] if root is not None else []
    return found[0] if found and isinstance(found[0], yaml.SequenceNode) else None


def _entry(member: ConfiguredAccount) -> str:
    account = member.account
    fields: dict[str, Any] = {"name": account.name, "kind": account.kind.value}
    if account.region is not Region.CN:
        fields["region"] = account.region.value
    fields["refresh_token" if account.kind.is_web else "api_key"] = member.secret
    if account.max_concurrency != (1 if account.kind.is_web else 50):
        fields["max_concurrency"] = account.max_concurrency
    for name in ("requests_per_minute", "weight", "priority", "proxy", "base_url"):
        if getattr(account, name) != getattr(_DEFAULTS, name):
            fields[name] = getattr(account, name)
    if account.models:
        fields["models"] = list(account.models)
    return yaml.safe_dump([fields], sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
