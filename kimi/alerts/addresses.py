"""Which addresses alerts can be sent to. Nothing here quotes one: whoever has it can write to the place."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from kimi.alerts import messengers, robots
from kimi.alerts.messengers import plugin_of, scheme_of
from kimi.alerts.robots import robot_of

SCHEMES: Final = (*robots.SCHEMES, *messengers.SCHEMES)
SECRET_LENGTH: Final = 16
"""So many characters at least make a secret that nobody guesses."""
_BETWEEN: Final = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")

_ROBOTS: Final = (
    (re.compile(r"https://open\.feishu\.cn/open-apis/bot/v2/hook/([\w-]+)/?"), "feishu://{}"),
    (re.compile(r"https://oapi\.dingtalk\.com/robot/send\?access_token=(\w+)"), "dingtalk://{}"),
    (re.compile(r"https://qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=([\w-]+)"), "wecombot://{}"),
    (re.compile(r"https://hooks\.slack\.com/services/(\w+)/(\w+)/(\w+)"), "slack://{}/{}/{}"),
)
"""Addresses as the services themselves show them, and what they are here."""


def webhook_url(value: str) -> str:
    """`value`, if it is empty or an address that can be posted to. Raises `ValueError` otherwise."""
    if not value:
        return value
    try:
        url = urlsplit(value)
        _ = url.port  # parsed on access only
    except ValueError:
        raise ValueError("is not a valid URL") from None
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be an http:// or https:// address")
    if url.username is not None or url.fragment or any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError("must not contain a user name, a fragment, spaces or control characters")
    return value


def webhook_secret(value: str, *, wanted: bool) -> str:
    """`value`, if it can sign; it has to be there where it is `wanted`. Raises `ValueError` otherwise."""
    if wanted and not value:
        raise ValueError("is not set, and ALERT_WEBHOOK_URL needs it: what is sent there is signed")
    if value and len(value) < SECRET_LENGTH:
        raise ValueError(f"is too short: at least {SECRET_LENGTH} characters")
    return value


def split(value: object) -> object:
    """The addresses of a text, with commas or white space between them, in Apprise's form; one may hold commas."""
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(_translated(part) for part in _BETWEEN.split(value.strip(" ,\n\r\t")) if part))


def _translated(url: str) -> str:
    for form, ours in _ROBOTS:
        if found := form.fullmatch(url):
            return ours.format(*found.groups())
    return url


def messenger_urls(values: tuple[str, ...]) -> tuple[str, ...]:
    """`values`, if each of them is one. Raises `ValueError` that says which are not."""
    wrong = [text for place, url in enumerate(values, 1) if (text := _complaint(place, url))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return values


def _complaint(place: int, url: str) -> str:
    scheme = scheme_of(url)
    if scheme not in SCHEMES:
        return f"address {place} begins with none of {', '.join(f'{known}://' for known in SCHEMES)}"
    if robot_of(url) or (scheme in messengers.SCHEMES and plugin_of(url)):
        return ""
    return f"address {place} ({scheme}://) is not complete or has a mistake"
