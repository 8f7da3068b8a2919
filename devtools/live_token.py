"""The operator's own credential for `./dev test --live`, which changes with every exchange and must not be lost."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from devtools.saying import Trouble
from kimi.accounts import Account, Kind
from kimi.credentials import CredentialError, api_key, refresh_token
from kimi.pool.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING = (
    "set KIMI_LIVE_REFRESH_TOKEN (and KIMI_LIVE_KIND=kimi or kimi-classic) or KIMI_LIVE_API_KEY to an account of your "
    "own; it is asked about ten questions."
)


@dataclass(frozen=True, slots=True)
class Credential:
    """Who is asked, and the secret for it: what the operator said, or what has become of that since."""

    account: Account
    said: str = field(repr=False)
    file: Path

    @classmethod
    def of(cls, variables: Mapping[str, str], folder: Path) -> Credential:
        """The credential of `KIMI_LIVE_…`. Raises Trouble."""
        key, token = variables.get("KIMI_LIVE_API_KEY", ""), variables.get("KIMI_LIVE_REFRESH_TOKEN", "")
        if bool(key) == bool(token):
            raise Trouble(f"one of the two is needed: {MISSING}" if key else MISSING)
        kind = variables.get("KIMI_LIVE_KIND", Kind.MOONSHOT.value if key else Kind.KIMI.value).lower()
        if kind not in set(Kind) or Kind(kind).is_web == bool(key):
            fitting = Kind.MOONSHOT.value if key else f"{Kind.KIMI.value} or {Kind.CLASSIC.value}"
            raise Trouble(f"KIMI_LIVE_KIND has to be {fitting}, not {kind}.")
        name = "KIMI_LIVE_API_KEY" if key else "KIMI_LIVE_REFRESH_TOKEN"
        try:
            said = api_key(key) if key else refresh_token(token)
        except CredentialError as error:
            raise Trouble(f"{name} {error}.") from None
        return cls(Account(name="live", kind=Kind(kind)), said, folder / "live-token.json")

    @property
    def secret(self) -> str:
        """The newest there is: a token that was kept goes before the one that it came from."""
        try:
            kept = json.loads(self.file.read_text())
        except FileNotFoundError:
            return self.said
        except (OSError, ValueError) as error:
            raise Trouble(f"{self.file} cannot be read ({error}): mend it, or remove it and log in again.") from error
        return str(kept["refresh_token"]) if kept.get("made_from") == fingerprint(self.said) else self.said

    def keep(self, token: str) -> None:
        """Writes the token that the next exchange needs, durably, before anything is done with it. Raises Trouble."""
        text = json.dumps({"made_from": fingerprint(self.said), "refresh_token": token})
        try:
            handle, new = tempfile.mkstemp(dir=self.file.parent, prefix=".live-")  # for its owner alone
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(self.file)
        except OSError as error:
            raise Trouble(
                f"{self.file} cannot be written ({error.strerror}): the token of this account is lost, log in again."
            ) from error
