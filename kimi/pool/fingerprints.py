"""What a secret is known by without being shown."""

from __future__ import annotations

import hashlib


def fingerprint(secret: str) -> str:
    """The SHA-256 of a token or a key, in hexadecimal digits: by it the same one is recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()
