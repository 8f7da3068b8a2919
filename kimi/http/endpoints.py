"""Where each account's upstream is."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final
from urllib.parse import urlsplit

from kimi.accounts import Account, Kind, Region

_GLOBAL_WEB = "https://www.kimi.ai"
_GLOBAL_AUTH = "https://auth.kimi.ai"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The base URLs of the upstreams, as the operator set them; those of `www.kimi.ai` are fixed."""

    web: str = "https://www.kimi.com"
    auth: str = "https://auth.kimi.com"
    classic: str = "https://kimi.moonshot.cn"
    moonshot: str = "https://api.moonshot.cn/v1"

    def chat(self, account: Account) -> str:
        """Where `account` chats, without a trailing slash. Its own `base_url` goes before everything else."""
        return (account.base_url or self._host(account)).rstrip("/")

    def exchange(self, account: Account) -> str:
        """Where a web account exchanges its refresh token: `kimi` has a host for it, classic uses the chat's."""
        if account.kind is not Kind.KIMI:
            return self.chat(account)
        return _GLOBAL_AUTH if account.region is Region.GLOBAL else self.auth.rstrip("/")

    def _host(self, account: Account) -> str:
        if account.kind is Kind.CLASSIC:
            return self.classic
        if account.kind is Kind.MOONSHOT:
            return self.moonshot
        return _GLOBAL_WEB if account.region is Region.GLOBAL else self.web


_OWN: Final = (*astuple(Endpoints()), _GLOBAL_WEB, _GLOBAL_AUTH)
HOSTS: Final = frozenset(urlsplit(url).hostname for url in _OWN)
"""The upstreams' own hosts, which can be named; others could be made of a token."""
