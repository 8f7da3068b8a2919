"""Sending less to browsers that can unpack it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from flask import Response

from gateway.views.requests import Asked

LONGEST: Final = 1_000
"""Characters of `Accept-Encoding` that are looked at; browsers send 30. A full one takes 50 ms to understand."""
_QUICKLY: Final = 1  # a list of accounts or a page of documentation is a tenth as large, for a few milliseconds
_GZIP: Final = 31  # of zlib's windows, with the head that gzip has


def takes_gzip(asked: Asked) -> bool:
    """Whether whoever `asked` can unpack what gzip has packed."""
    is_sane = len(asked.environ.get("HTTP_ACCEPT_ENCODING", "")) <= LONGEST
    return is_sane and asked.accept_encodings["gzip"] > 0


def packed(asked: Asked, pieces: Iterable[bytes], kind: str) -> Response:
    """A body of that type made of `pieces`, each of them packed as soon as it is there."""
    headers = {"vary": "accept-encoding"}
    if not takes_gzip(asked):
        return Response(b"".join(pieces), content_type=kind, headers=headers)
    packer = zlib.compressobj(_QUICKLY, wbits=_GZIP)
    body = b"".join([packer.compress(piece) for piece in pieces])
    return Response(body + packer.flush(), content_type=kind, headers={**headers, "content-encoding": "gzip"})
