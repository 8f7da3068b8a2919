"""What a web account sends along to say who and where it is.

`Authorization` alone suffices; the rest is what the vendor's own page sends, so that a pool's account looks the same
at every request. Header names by the vendor's page; ids from the token's claims.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from kimi import claims
from kimi.accounts import Account

REMEMBERED: Final = 512
"""For so many tokens it is known what their headers are, at about 2 KiB each, in memory only."""


def web_headers(account: Account, token: str, base: str) -> Mapping[str, str]:
    """Headers for a call to `base` with the access token."""
    return _headers(account.name, token, base)


@lru_cache(maxsize=REMEMBERED)
def _headers(name: str, token: str, base: str) -> Mapping[str, str]:
    said = claims.read(token)
    url = urlsplit(base)
    headers = {
        "Authorization": f"Bearer {token}",
        "Origin": f"{url.scheme}://{url.netloc}",
        "Referer": f"{base}/",
        "R-Timezone": "Asia/Shanghai",
        "X-Msh-Platform": "web",
        "X-Msh-Device-Id": said.device_id or made_up_device(name),
    }
    if said.sub:
        headers["X-Traffic-Id"] = said.sub
    if said.ssid:
        headers["X-Msh-Session-Id"] = said.ssid
    return headers


def made_up_device(name: str) -> str:
    """The 19-digit device id of an account whose tokens name none: made from its name, so it never has to be kept."""
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return str(10**18 + digest % (9 * 10**18))
