"""From what a client sent to a file on disk, whatever way it came."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from kimi.chat import Attachment
from kimi.errors import FileRefused, StoreUnavailable
from kimi.files import dataurls, names
from kimi.files.blob import Blob
from kimi.files.sniffing import NotReadable, Type, sniff
from kimi.files.spool import Spool, TooLarge
from kimi.files.targets import NotFetched
from kimi.files.web import Web
from kimi.http import media_type

log = logging.getLogger(__name__)

MOST_BYTES: Final = 100 * 1024 * 1024
"""The largest file that Kimi takes."""


class Fetcher:
    """Brings attachments here; `new_spool` makes a place on disk for so many bytes."""

    def __init__(self, web: Web, new_spool: Callable[[int], Spool] = Spool) -> None:
        self._web = web
        self._new_spool = new_spool

    def fetch(self, attachment: Attachment, limit: int = MOST_BYTES) -> Blob:
        """The content of `attachment`, at most `limit` bytes of it; the caller closes it.

        Raises `FileRefused`, and `StoreUnavailable` when it cannot be written down here.
        """
        name = names.tidy(attachment.name)
        if not name and not dataurls.is_data(attachment.url):
            name = names.of_url(attachment.url)
        with _refused(attachment.where, name, limit), self._new_spool(limit) as spool:
            found, name = self._fill(spool, attachment, name)
            if attachment.is_image and found.media == "text/html":
                raise NotReadable("is a web page, not an image")
            return Blob(
                name=found.called(name or ("image" if found.is_image else "file")),
                media=found.media,
                size=spool.size,
                digest=spool.digest,
                is_image=found.is_image,
                where=attachment.where,
                content=spool.keep(),
            )

    def _fill(self, spool: Spool, attachment: Attachment, name: str) -> tuple[Type, str]:
        """What the file is, and how it is called by who should know best."""
        if dataurls.is_data(attachment.url):
            for piece in dataurls.pieces(attachment.url):
                spool.write(piece)
            return sniff(spool.content, name, dataurls.media_of(attachment.url)), name
        with self._web.get(attachment.url) as download:
            spool.expect(download.headers.get("content-length", ""))
            for chunk in download.chunks:
                spool.write(chunk)
        if not attachment.name:
            name = (
                names.of_disposition(download.headers.get("content-disposition", ""))
                or names.of_url(download.url)
                or name
            )
        return sniff(spool.content, name, media_type(download.headers)), name


@contextmanager
def _refused(where: str, name: str, limit: int) -> Iterator[None]:
    try:
        yield
    except NotFetched as error:
        raise FileRefused(f"could not be fetched: {error}", name=name, param=where) from None
    except NotReadable as error:
        raise FileRefused(str(error), name=name, param=where) from None
    except dataurls.NotDecodable as error:
        raise FileRefused(f"could not be decoded: {error}", name=name, param=where) from None
    except TooLarge:
        raise FileRefused(f"is larger than {limit / 1024 / 1024:.0f} MB", name=name, param=where) from None
    except OSError as error:  # those of the network are `NotFetched`
        folder = tempfile.gettempdir()
        advice = "make room there, or name another folder in TMPDIR"
        log.error("no file can be kept in %s (%s): %s", folder, error, advice)  # noqa: TRY400 - one line tells all
        raise StoreUnavailable(f"no file can be kept in {folder}") from error
