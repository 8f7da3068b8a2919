"""Words of others as they may be shown: without secrets, on one line, and without what nobody sees."""

from __future__ import annotations

import re

from kimi.unseen import UNSEEN

_TOKENS = (
    r"eyJ[\w-]+(?:\.[\w-]*){0,2}"  # JWT, whole or cut
    r"|\bsk-[\w-]{4,}"  # API key
    r"|(?i:bearer)\s+\S+"
    r"|(?<=//)[^/\s]+@"  # credentials of a proxy URL
)
_IN_NAMES = re.compile(_TOKENS)
_SECRETS = re.compile(_TOKENS + r"|\b(?:org|ak|proj|key)-[\w-]{6,}")  # and ids in the official platform's texts
# Something of each of them, to be found ten times as fast: most texts have none.
_SIGNS = re.compile(r"eyJ|[kgjy]-|[bB][eE][aA][rR]|@")
_UNSEEN = re.compile(f"[{UNSEEN}]")
_LOOKED_AT = 16_384  # characters of a text, of which a few hundred are shown


def writable(text: str) -> str:
    """`text` without the halves of surrogate pairs, which JSON and YAML may hold and no encoding has."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def redact(text: str, limit: int = 300) -> str:
    """`text` without tokens, keys, organisation ids and URL credentials, on one line of at most `limit` characters.

    Nor does it hold anything that a terminal would obey, or that turns the direction of writing.

    This knows secrets by their form, whoever wrote them, and is for all that somebody reads. What an upstream says goes
    through two more before: `kimi.upstreams.complaints` takes out the one token that was sent, of whatever form and
    while all of it is there still, and then whatever may be a piece of one.
    """
    line = _line(text, limit)
    return (_SECRETS.sub("[redacted]", line) if _SIGNS.search(line) else line)[:limit]


def redact_name(name: str, limit: int = 300) -> str:
    """The same of names that the operator has given, which may begin like those ids do: key-production."""
    return _IN_NAMES.sub("[redacted]", _line(name, limit))[:limit]


def _line(text: str, limit: int) -> str:
    """`text` on one line, of which all can be seen. Of a long one the end is not looked at."""
    looked_at = max(_LOOKED_AT, 2 * limit)
    text = text.lstrip()
    words = writable(text[:looked_at]).split()
    if len(text) > looked_at and len(words) > 1:
        words[-1] = "…"  # half a word could be half a secret
    line = " ".join(words)
    return line if line.isprintable() else _UNSEEN.sub("\ufffd", line)
