"""Whom we trust."""

from __future__ import annotations

import ssl

from requests.utils import DEFAULT_CA_BUNDLE_PATH


def default_context() -> ssl.SSLContext:
    """A context that trusts the system's and the bundled certificates."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
