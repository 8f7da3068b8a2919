"""Keys that somebody could guess: short ones, and those that stand in examples, which are the first to be tried."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SHORTEST: Final = 16
FEWEST_DIFFERENT: Final = 6
MAKING: Final = """python3 -c "import secrets; print('sk-' + secrets.token_urlsafe(32))\""""
OF_THE_DEMO: Final = "sk-demo-of-the-simulator"
"""Stands in docker-compose.yml, for everybody to read; it is let in only where Kimi is played."""
_NAMED: Final = 5
"""So many keys are named of those that are weak."""
_EXAMPLES: Final = (
    # of our own tests and pages
    *("test-client-key", "sk-wrong", "an-admin-key", "demo-of-the-simulator"),
    # of manuals, tutorials and files to be filled in
    *("your-key", "your-api-key", "your-admin-key", "your-secret", "your-token", "my-secret", "my-api-key"),
    *("api-key-here", "key-goes-here", "insert-key", "replace-me", "replace-with", "change-me", "changed-me"),
    *("placeholder", "example", "dummy-key", "fake-key", "test-key", "test-api-key", "sample-key", "demo-key"),
    *("secret-key", "super-secret", "top-secret", "admin-key", "master-key", "client-key", "gateway-key"),
    *("password", "passw0rd", "letmein", "not-a-secret", "not-needed", "no-key-required", "lm-studio"),
    *("1234567", "0123456", "7654321", "abcdefg", "hijklmn", "opqrstu", "qwertyu", "deadbeef", "cafebabe", "foobar"),
    *("1qaz2wsx", "3edc4rfv", "qazwsx", "asdfgh", "zxcvbn", "abc123", "iloveyou", "trustno1"),
    # what people make keys of
    *("kimi", "moonshot", "gateway", "openai", "chatgpt", "claude", "secret", "token", "admin", "client", "apikey"),
    *("server", "service", "proxy", "production", "staging", "default", "company", "internet", "private"),
    *("spring", "summer", "autumn", "winter", "january", "december", "monday", "sunday", "hello", "world"),
    *("correct", "horse", "battery", "staple", "monkey", "dragon", "master", "shadow", "sunshine", "football"),
)
"""What counts for nothing in a key; hyphens and underscores between the words make no difference."""
_ROWS: Final = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl")


def weakness(key: str) -> str | None:
    """How the sentence goes on that says what is wrong with `key`, which is not shown; None where nothing is.

    This finds what is tried first, and no more: that a key is random nobody can see.
    """
    if len(key) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    random = key.removeprefix("sk-")
    if len(set(random)) < FEWEST_DIFFERENT or random in (random + random)[1:-1]:
        return "is the same over and over"
    rest = bare = _bare(key)
    for example in _EXAMPLES:
        rest = rest.replace(_bare(example), "")
    is_of_words = rest != bare and len(rest) < SHORTEST
    return "is of a kind that stands in examples" if is_of_words or _alternates(_bare(random)) else None


def weaknesses(keys: Iterable[str], of_file: Collection[str], *, is_played: bool) -> str | None:
    """The same of several, told by their numbers; some of them stand in the accounts file.

    `is_played` says that there is no Kimi but one that is played.
    """
    found = [
        f"key {number}{' (of the accounts file)' if key in of_file else ''} {why}"
        for number, key in enumerate(keys, 1)
        if not (is_played and key == OF_THE_DEMO) and (why := weakness(key))
    ]
    more = [f"{len(found) - _NAMED} more are weak"] if len(found) > _NAMED else []
    return ", ".join(found[:_NAMED] + more) or None


def refusal(told: str, where: str) -> str:
    """Why nothing starts with a key of which that is `told` at `where`, which others can reach, and what to do."""
    return f"{told}, too weak for {where}, which others can reach; make one with {MAKING}"


def warn_of_weak_keys(weak: Mapping[str, str]) -> None:
    """Says in the log with which keys nothing would start at an address that others can reach, by their variables."""
    for variable, told in weak.items():
        log.warning("a key is weak: nobody else must be able to reach this gateway", variable=variable, told=told)


def _alternates(text: str) -> bool:
    """Whether it is two rows of the alphabet or the keyboard, a sign of one after a sign of the other."""
    return all(any(half in row or half in row[::-1] for row in _ROWS) for half in (text[::2], text[1::2]))


def _bare(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "")
