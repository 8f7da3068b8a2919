"""The files of a request: brought here before an account is leased, and given to the account that is asked."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, Protocol

import gevent
import orjson

from gateway.file_room import FileRoom, counted
from kimi.accounts import Kind
from kimi.chat import Attachment, Chat, Message, Upload
from kimi.errors import (
    AccountError,
    AnswerUnfit,
    BrokenAnswer,
    ContentRefused,
    FileRefused,
    KimiError,
    PromptTooLong,
    RequestInvalid,
    StoreUnavailable,
    Unreachable,
    UpstreamTimeout,
)
from kimi.files import Blob, names
from kimi.pool import Lease
from kimi.upstreams import TakesFiles, Upstream

log = logging.getLogger(__name__)

MOST_FILES: Final = 50
"""Files of one request; of more the newest count, so that a long conversation can go on."""
MOST_BYTES: Final = 300 * 1024 * 1024
"""What all files of one request may have on disk."""
FILE_SECONDS: Final = 60.0
"""What fetching one file may take, a host's name and its server's headers included."""
FETCHING_SECONDS: Final = 180.0
"""What fetching all files of one request may take."""
_NOT_STALE = (AccountError, AnswerUnfit, ContentRefused, FileRefused, PromptTooLong, Unreachable, UpstreamTimeout)
"""Failures that have nothing to do with whether a file is still there."""


class Fetcher(Protocol):
    """Brings attachments here; see `kimi.files.fetching.Fetcher`."""

    def fetch(self, attachment: Attachment) -> Blob: ...


class Memory(Protocol):
    """Knows what was uploaded before; see `kimi.pool.uploads.Uploads`."""

    def known(self, account: str, keys: Collection[str]) -> Mapping[str, Upload]: ...

    def keep(self, account: str, key: str, upload: Upload) -> None: ...

    def forget(self, account: str, keys: Collection[str]) -> None: ...


class Files:
    """What requests need for their files; one a process.

    All of them together have `room`. Fetching may take `file_seconds` for one, and `seconds` for all of a request.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        memory: Memory,
        *,
        room: FileRoom | None = None,
        file_seconds: float = FILE_SECONDS,
        seconds: float = FETCHING_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fetcher = fetcher
        self.memory = memory
        self.room = room or FileRoom()
        self.file_seconds = file_seconds
        self.seconds = seconds
        self.monotonic = monotonic

    def luggage(self, routes: Sequence[str], scope: str) -> Luggage:
        """The files of a request of `scope` that can be sent along `routes`, none of which was looked at so far."""
        return Luggage(self, scope, needed=any(not route.startswith(f"{Kind.MOONSHOT}:") for route in routes))


class Luggage:
    """The files of one request. `close` has to be called in any case.

    `scope` says whose they are. The official platform takes the request as it came, so that nothing is `needed` where
    no other account can serve.
    """

    def __init__(self, files: Files, scope: str, *, needed: bool) -> None:
        self.is_fetching = False
        self._with = files
        self._scope = scope
        self._needed = needed
        self._blobs: dict[str, Blob] = {}  # by where they stand in the request
        self._by_url: dict[str, Blob] = {}
        self._by_digest: dict[str, Blob] = {}
        self._kept = ExitStack()  # what there is to be given back
        self._reused: set[str] = set()  # keys, by the attempt that runs
        self._seconds = files.seconds

    def fetch(self, messages: Sequence[Message]) -> None:
        """Brings the files of `messages` here that are not here yet. Raises `FileRefused` and `Crowded`."""
        missing = [each for each in _newest(messages) if each.where not in self._blobs] if self._needed else []
        for attachment in missing:
            with self._clocked(attachment):
                blob = self._by_url.get(attachment.url) or self._fetched(attachment)
            self._by_url[attachment.url] = self._blobs[attachment.where] = blob

    def give(self, chat: Chat, lease: Lease, upstream: Upstream, alive: Callable[[], object]) -> tuple[Upload, ...]:
        """Gives the files of `chat` to the account of `lease`, unless it has them; for `alive` see `TakesFiles.upload`.

        Raises `FileRefused` for one that is not read there, else `KimiError`.
        """
        self._reused.clear()
        found = [self._blobs[each.where] for each in _newest(chat.messages) if each.where in self._blobs]
        blobs = {_key(self._scope, blob): blob for blob in found}
        if not blobs or not isinstance(upstream, TakesFiles):
            return ()
        uploads = dict(self._known(lease.account.name, blobs))
        self._reused.update(uploads)
        for key in [each for each in blobs if each not in uploads]:
            uploads[key] = upstream.upload(blobs[key], lease.account, lease.token, alive)
            with suppress(StoreUnavailable):  # then it is uploaded again the next time
                self._with.memory.keep(lease.account.name, key, uploads[key])
        return tuple(uploads[key] for key in blobs)

    def failed(self, lease: Lease, error: KimiError) -> KimiError:
        """What has to be thought of `error`, which came before an answer: files of earlier requests may be gone.

        They are forgotten then, and the next attempt uploads them anew.
        """
        if not self._reused or isinstance(error, _NOT_STALE):
            return error
        log.info("account %s may have lost %d files: %s", lease.account.name, len(self._reused), error)
        with suppress(StoreUnavailable):
            self._with.memory.forget(lease.account.name, self._reused)
        return (
            BrokenAnswer(f"with a file of an earlier request: {error}") if isinstance(error, RequestInvalid) else error
        )

    def close(self) -> None:
        """Removes all content. What is needed again is fetched again."""
        for known in (self._blobs, self._by_url, self._by_digest):
            known.clear()
        self._kept.close()

    def _known(self, account: str, keys: Collection[str]) -> Mapping[str, Upload]:
        try:
            return self._with.memory.known(account, keys)
        except StoreUnavailable:
            return {}

    def _fetched(self, attachment: Attachment) -> Blob:
        room, scope = self._with.room, self._scope
        with ExitStack() as unless_kept:
            share = room.share(scope, attachment)
            unless_kept.callback(share.close)
            with room.turn(scope, attachment):
                share.wait()
                blob = self._with.fetcher.fetch(attachment)
            unless_kept.callback(blob.content.close)
            if blob.digest in self._by_digest:
                return self._by_digest[blob.digest]
            if sum(each.size for each in (blob, *self._by_digest.values())) > MOST_BYTES:
                most = f"{MOST_BYTES // 1024 // 1024} MB"
                raise FileRefused(
                    f"is too much: all files of a request together may have {most}", name=blob.name, param=blob.where
                )
            share.shrink(counted(blob.size))
            self._by_digest[blob.digest] = blob
            self._kept.callback(unless_kept.pop_all().close)
        return blob

    @contextmanager
    def _clocked(self, attachment: Attachment) -> Iterator[None]:
        """Ends a fetch when its time is over, whatever it waits for."""
        limits, began = self._with, self._with.monotonic()
        limit = gevent.Timeout(max(min(self._seconds, limits.file_seconds), 0.001))
        self.is_fetching = True
        try:
            with limit:
                yield
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            late = f"it took longer than {limits.file_seconds:g} s"
            if self._seconds < limits.file_seconds:
                late = f"all files of a request together may take {limits.seconds:g} s"
            name = names.tidy(attachment.name)
            raise FileRefused(f"could not be fetched: {late}", name=name, param=attachment.where) from None
        finally:
            self.is_fetching = False
            self._seconds -= self._with.monotonic() - began


def _key(scope: str, blob: Blob) -> str:
    """What an upload is found again by: nobody is told the name that somebody else has for the same content."""
    return hashlib.sha256(orjson.dumps((scope, blob.name, blob.digest))).hexdigest()


def _newest(messages: Sequence[Message]) -> Sequence[Attachment]:
    return [attachment for message in messages for attachment in message.attachments][-MOST_FILES:]
