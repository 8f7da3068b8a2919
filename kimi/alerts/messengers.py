"""Alerts to Telegram, Slack and by mail, through Apprise, which is loaded when the first one is made."""

from __future__ import annotations

import hashlib
import importlib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from kimi.alerts.delivery import Undelivered
from kimi.alerts.notes import Note, Severity
from kimi.alerts.quiet import quietly
from kimi.redaction import redact

if TYPE_CHECKING:
    from apprise import NotifyBase

_PLUGINS: Final = {
    "tgram": ("telegram", "NotifyTelegram"),
    "slack": ("slack", "NotifySlack"),
    "mailto": ("email", "NotifyEmail"),
    "mailtos": ("email", "NotifyEmail"),
}
"""The modules and classes by scheme. Apprise's own way to find them loads all 130 and takes 20 MB more."""
SCHEMES: Final = tuple(_PLUGINS)
NAMES: Final = {"tgram": "telegram", "mailto": "mail", "mailtos": "mail"}
_WORD: Final = re.compile(r"[\w-]{6,}")  # of an address: what may be a secret
_HAVE_HOSTS: Final = frozenset({"mailto", "mailtos"})  # of others what stands in that place is a secret
_TYPES: Final[dict[Severity, str]] = {"info": "info", "warning": "warning", "critical": "failure"}


class Messenger:
    """One address of Apprise's. What a refusal quotes of the address is taken out of it."""

    def __init__(self, url: str) -> None:
        """Raises `ValueError` when the address is not one that `plugin_of` takes."""
        plugin = plugin_of(url)
        if plugin is None:
            raise ValueError("is not an address that Apprise takes")
        scheme = scheme_of(url)
        host = f" {plugin.host}" if scheme in _HAVE_HOSTS else ""
        self.name = f"{NAMES.get(scheme, scheme)}{host}"
        self.id = hashlib.sha256(url.encode()).hexdigest()[:12]
        self._plugin = plugin
        self._secrets = set(_WORD.findall(unquote(url))) - {scheme}

    def deliver(self, note: Note) -> None:
        """Raises `Undelivered`."""
        from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415 - see `plugin_of`

        kind = NotifyType.SUCCESS if note.resolved else NotifyType(_TYPES[note.severity])
        with quietly() as complaints:
            apprise = Apprise(self._plugin)
            arrived = apprise.notify(body=note.text, title=note.title, notify_type=kind, body_format=NotifyFormat.TEXT)
        if not arrived:
            raise Undelivered(self._clean(" ".join(complaints)) or "it was not taken")

    def _clean(self, words: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            words = words.replace(secret, "[redacted]")
        return redact(words, limit=200)


def plugin_of(url: str) -> NotifyBase | None:
    """What Apprise makes of the address; None where it is none that it takes. Asks nobody."""
    with quietly():
        name, made_by = _PLUGINS[scheme_of(url)]
        module = importlib.import_module(f"apprise.plugins.{name}")
        from apprise import AppriseAsset  # noqa: PLC0415 - 4 MB, for those who have such an address
        from apprise.exception import AppriseException  # noqa: PLC0415

    made = getattr(module, made_by)
    asset = AppriseAsset(
        app_id="kimi-gateway",
        app_desc="Kimi gateway",
        storage_mode="memory",
        http_redirects=False,
        async_mode=False,  # else it sends from threads that it keeps
        service_timeout=0,
    )
    with quietly() as complaints:
        try:
            arguments: dict[str, Any] | None = made.parse_url(url)
            plugin: NotifyBase | None = made(**arguments, asset=asset) if arguments else None
        except (AppriseException, TypeError):  # TypeError: it has no token at all
            return None
    return None if complaints else plugin


def scheme_of(url: str) -> str:
    """The part in front of `://`, in small letters."""
    return url.partition("://")[0].lower()
