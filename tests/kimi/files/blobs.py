"""Files that are here already."""

from __future__ import annotations

import hashlib
import io

from kimi.files import Blob
from kimi.files.sniffing import sniff


def blob(content: bytes, name: str = "report.pdf", where: str = "messages[0].content[1]") -> Blob:
    """A blob that holds `content`."""
    found = sniff(io.BytesIO(content), name)
    digest = hashlib.sha256(content).hexdigest()
    return Blob(name, found.media, len(content), digest, found.is_image, where, io.BytesIO(content))
