"""What every adapter talks through: HTTP to an account's host, with the time limits that hold for all dialects."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from kimi.accounts import Account
from kimi.errors import KimiError
from kimi.events import Batch, Finish
from kimi.http import Answer, Endpoints, Http, media_type, read, request
from kimi.upstreams import complaints
from kimi.upstreams.continuing import explain
from kimi.upstreams.drift import Drift
from kimi.upstreams.reading import Reader, batches

_NO_STREAM = frozenset({"application/json", "text/html"})


@dataclass(frozen=True, slots=True)
class Line:
    """The way to the upstreams.

    A stream may be silent for `idle` seconds, that of a research for `research_idle`; any other call may take
    `patience`.
    """

    http: Http
    endpoints: Endpoints
    drift: Drift = field(default_factory=Drift)
    idle: float = 120.0
    research_idle: float = 600.0
    patience: float = 30.0

    def host(self, account: Account) -> str:
        """The base URL of the account's chats."""
        return self.endpoints.chat(account)

    def stream(
        self,
        path: str,
        account: Account,
        *,
        headers: Mapping[str, str],
        content: bytes,
        reader: Reader,
        continues: bool = False,
        is_research: bool = False,
    ) -> Generator[Batch, None, Finish]:
        """The batches that `reader` finds in the answer to a POST. Raises what an answer that is no stream means.

        The stream has ended when its `Finish` is returned, so that the account is free for the next one.

        `continues` says that it is asked in a chat that should be there.
        """
        with self.http.stream(
            "POST",
            self.host(account) + path,
            headers=headers,
            content=content,
            proxy=account.proxy_to_dial(),
            timeout=self.research_idle if is_research else self.idle,
        ) as reply:
            bearer = _bearer(headers)
            del headers, content  # which may be long, and would be held until the end of the answer
            yield from reply.arriving()
            if reply.status != 200 or media_type(reply.headers) in _NO_STREAM:
                answer = replace(read(reply, timeout=self.patience), secret=bearer)
                raise self.error(account, answer, continues=continues)
            return (yield from batches(reply.chunks(), reader))

    def call(
        self,
        method: str,
        path: str,
        account: Account,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        patience: float | None = None,
    ) -> Answer:
        """A short answer, whatever its status; it may take `patience` seconds where that is given."""
        answer = request(
            self.http,
            method,
            self.host(account) + path,
            headers=headers,
            content=content,
            proxy=account.proxy_to_dial(),
            timeout=self.patience if patience is None else patience,
        )
        return replace(answer, secret=_bearer(headers))

    def error(self, account: Account, answer: Answer, *, continues: bool = False) -> KimiError:
        """What the upstream's complaint means, to somebody who continues a chat or not."""
        return explain(complaints.of_answer(account.kind, answer), self.drift, continues=continues)


def _bearer(headers: Mapping[str, str]) -> str:
    """The token that goes out with a request: an error may repeat it."""
    return headers.get("Authorization", "").removeprefix("Bearer ")
