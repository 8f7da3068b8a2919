"""Where accounts come from: the accounts file, which may change at any time, and the environment, which does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kimi import accounts_file
from kimi.accounts import ConfiguredAccount, Kind
from kimi.accounts_file import AccountsError
from kimi.settings import DEFAULT_ACCOUNTS_FILE

_Signature = tuple[int, ...] | None


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
        self._held = False  # whether the file has held accounts so far
        self._read: _Signature = None
        self._seen: _Signature = None

    @property
    def path(self) -> Path:
        """The file that is read and watched."""
        return self._path

    def load(self) -> tuple[ConfiguredAccount, ...]:
        """All configured accounts, read anew. Raises `AccountsError`.

        A file that held accounts and is gone or blank is an error, because that is what half a save looks like.
        """
        self._read = self._signature()  # before reading: a change in between is seen as one later
        if self._read is None and self._optional and not self._held:
            return self._bare
        text = accounts_file.read_text(self._path)
        if self._held and not text.strip():
            raise AccountsError(f"{self._path}: is empty; write `accounts: []` to remove all accounts")
        from_file = accounts_file.parse(text, str(self._path), self._kind)
        self._held = self._held or bool(from_file)
        self._refuse_duplicates(from_file)
        return (*from_file, *self._bare)

    def changed(self) -> bool:
        """Whether the file is another than the one that was read last, and has come to rest since the last call.

        It is also true after a failed `load`, but only once the file changes again.
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
