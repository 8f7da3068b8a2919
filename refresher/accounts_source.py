"""Where accounts come from: the accounts file, which may change at any time, and the environment, which does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kimi import accounts_file
from kimi.account_forms import says_none
from kimi.accounts import ConfiguredAccount, Kind
from kimi.accounts_file import AccountsError
from kimi.settings import DEFAULT_ACCOUNTS_FILE

_Signature = tuple[int, ...] | None


class NothingSaid(AccountsError):
    """There are accounts, and nothing says any more which ones: the file is gone, or half a save of it."""


class AccountsSource:
    """The configured accounts of both origins together.

    `path` is None when the operator named no file: then `accounts.yaml` is used once it exists.
    `kind` is that of accounts which the file holds without any. Nothing is ever written to it.
    """

    def __init__(self, path: Path | None, bare: Sequence[ConfiguredAccount] = (), kind: Kind = Kind.KIMI) -> None:
        self._kind = kind
        self._path = path or DEFAULT_ACCOUNTS_FILE
        self._optional = path is None
        self._bare = tuple(bare)
        self._has_held = False  # the file, accounts
        self._read: _Signature = None
        self._seen: _Signature = None

    @property
    def path(self) -> Path:
        """The file that is read and watched."""
        return self._path

    @property
    def bare(self) -> tuple[ConfiguredAccount, ...]:
        """Those of the environment."""
        return self._bare

    def load(
        self, has_others: Callable[[Sequence[ConfiguredAccount]], bool] = lambda _: False
    ) -> tuple[ConfiguredAccount, ...]:
        """All configured accounts, read anew. Raises `AccountsError`.

        `has_others` tells whether the pool has configured accounts but those of the environment: then a file that says
        nothing of accounts is no word that there are none. It is asked only where the file does so.
        """
        text = self._text()
        from_file = accounts_file.parse(text or "", str(self._path), self._kind)
        self._refuse_duplicates(from_file)
        is_said = from_file or (text and says_none(text))
        if not is_said and (self._has_held or has_others(self._bare)):
            what = "there is no such file" if text is None else "names no accounts"
            raise NothingSaid(f"{self._path}: {what}; write `accounts: []` to remove all accounts")
        self._has_held = bool(from_file)
        return (*from_file, *self._bare)

    def _text(self) -> str | None:
        """What the file says; None where there is none, and need not be."""
        before, self._read = self._read, self._signature()  # before reading: a change in between is one later
        try:
            return accounts_file.read_text(self._path)
        except accounts_file.NoSuchFile:
            if self._optional:
                return None
            raise
        except accounts_file.NotRead:
            self._read = before  # it is tried again
            raise

    def changed(self) -> bool:
        """Whether the file is another than the one that was read last, and has come to rest since the last call.

        It is also true after a failed `load`, but only once the file changes again, if it could be read at all.
        """
        now = self._signature()
        settled, self._seen = now == self._seen, now
        return settled and now != self._read

    def _signature(self) -> _Signature:
        try:
            status = self._path.stat()  # follows links: Kubernetes swaps one to change a mounted file
        except OSError:
            return None
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _refuse_duplicates(self, from_file: Sequence[ConfiguredAccount]) -> None:
        names = {member.account.name for member in from_file}
        owners = {member.secret: member.account.name for member in from_file}
        mistakes = [
            f"{self._path}: account {owners.get(member.secret, member.account.name)} also stands in KIMI_REFRESH_TOKENS"
            for member in self._bare
            if member.secret in owners or member.account.name in names
        ]
        if mistakes:
            raise AccountsError("\n".join(mistakes))
