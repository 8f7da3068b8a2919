"""What closes a thinking block.

Nobody here checks a signature, but Claude Code leaves out blocks without one.
Where a client wants to see nothing of what was thought, it holds that, as Anthropic's do: Kimi's official models want
to hear it again with the results of tools.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from typing import Final

_MARK: Final = b"kimi:"
_LONGEST: Final = 36 * 1024  # bytes, 48 KiB in base64: it has to stand in one line
_MOST: Final = 1024 * 1024  # bytes of a thought, far more than fits: compressing all of a long one would take too long
_CLOSER: Final = 0.95  # a shorter text is compressed a little less
ROOM: Final = 4 * 1024 * 1024
"""Bytes that are read of all that a client sends back in one request: far more could be in its body."""


def sign(answer_id: str) -> str:
    """The signature of a block that is shown, in the answer of that id."""
    return b64encode(answer_id.encode(errors="replace")).decode()


def seal(thought: str) -> str:
    """The signature of a block that is not. Of what does not fit, the beginning is given up."""
    data = thought.encode(errors="replace")[-_MOST:]
    sealed = zlib.compress(data)
    while (excess := len(sealed) / _LONGEST) > 1:
        data = data[-int(len(data) / excess * _CLOSER) :]
        sealed = zlib.compress(data)
    return b64encode(_MARK + sealed).decode()


class Unsealing:
    """Reads the signatures of one request."""

    def __init__(self) -> None:
        self._room = ROOM

    def read(self, signature: object) -> str:
        """What is sealed in a signature that a client has sent back; nothing where it is of another kind."""
        if not self._room or not isinstance(signature, str):
            return ""
        try:
            data = b64decode(signature, validate=True)
            sealed = data.removeprefix(_MARK)
            thought = b"" if sealed == data else zlib.decompressobj().decompress(sealed, self._room)
        except (ValueError, zlib.error):
            return ""
        self._room -= len(thought)
        return thought.decode(errors="ignore")
