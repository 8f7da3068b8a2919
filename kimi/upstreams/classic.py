"""The classic dialect of Kimi's web chat: JSON calls, and an event stream for the answer.

What its requests say stands in `classic_request`, what its answers say in `classic_reader`, `classic_sources` and
`classic_research`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from kimi.accounts import Account
from kimi.chat import Chat, Feature, Upload
from kimi.errors import (
    BrokenAnswer,
    ContentRefused,
    KimiError,
    RequestInvalid,
    RequestRefused,
    TokenRejected,
    UpstreamError,
)
from kimi.events import Batch, ChatOpened, Event, Finish, Sources
from kimi.files import Blob
from kimi.files.web import Resolver, resolve
from kimi.http import Answer
from kimi.upstreams import classic_request, classic_research, classic_sources
from kimi.upstreams.classic_files import ClassicFiles
from kimi.upstreams.classic_reader import ID, Reader
from kimi.upstreams.identity import web_headers
from kimi.upstreams.line import Line
from kimi.web_models import ClassicModel, classic_model

SOURCES_SECONDS: Final = 3.0
"""For asking which pages an answer speaks of, while its reader waits for the end."""
_SEARCHING = frozenset({Feature.SEARCH, Feature.RESEARCH})
_OVER = frozenset({200, 204, 404, 410})  # it is gone, now or before


class Classic:
    """Answers chats with accounts of kind `kimi-classic`."""

    def __init__(self, line: Line, resolver: Resolver = resolve) -> None:
        self._line = line
        self._files = ClassicFiles(line, resolver=resolver)

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]:
        """See `Upstream.stream`. The chat is announced as soon as it is made, or before it is continued."""
        model = classic_model(chat.model, chat.features, chat.effort)
        if model is None:
            raise RequestInvalid(f"the classic dialect has no model {chat.model!r}", param="model")
        desk = _Desk(self._line, account, token)
        if Feature.RESEARCH in chat.features:
            _check_research(desk)
        chat_id = chat.behind.chat_id if chat.behind is not None else _create(desk, model)
        yield (ChatOpened(chat_id),)
        talk = _Talk(desk, chat, chat_id)
        finish = yield from talk.ask(classic_request.completion(chat, model))
        for _ in range(chat.continuations):
            question = talk.unfinished
            if not question:
                break
            finish = yield from talk.ask(classic_request.rest(question, model))
        yield (*talk.late_sources(), finish)

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        """See `TakesFiles.upload`."""
        return self._files.upload(blob, account, token, alive)

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        """See `KeepsChats.delete_chat`."""
        _end(_Desk(self._line, account, token), "DELETE", f"/api/chat/{chat_id}")

    def cancel(self, chat_id: str, segment_id: str, account: Account, token: str) -> None:
        """See `Cancels.cancel`. Without it the account counts as streaming for a while after its reader has left."""
        desk = _Desk(self._line, account, token)
        _end(desk, "POST", f"/api/chat/{chat_id}/cancel", {"segment_id": segment_id})


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where calls for one account go out."""

    line: Line
    account: Account
    token: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None, patience: float | None = None) -> Answer:
        content = None if body is None else orjson.dumps(body)
        return self.line.call(method, path, self.account, headers=self.headers(), content=content, patience=patience)

    def error(self, answer: Answer) -> KimiError:
        return self.line.error(self.account, answer)

    def headers(self) -> dict[str, str]:
        headers = web_headers(self.account, self.token, self.line.host(self.account))
        return {**headers, "Content-Type": "application/json"}


class _Talk:
    """One question in a chat, and everything of its answer: what one call brings, and what each continuation adds."""

    def __init__(self, desk: _Desk, chat: Chat, chat_id: str) -> None:
        self._desk = desk
        self._chat = chat
        self._chat_id = chat_id
        self._readers: list[Reader] = []  # one a call
        # Only what was searched for can be asked for.
        self._marks = None if chat.features.isdisjoint(_SEARCHING) else classic_sources.Marks()

    @property
    def unfinished(self) -> str:
        """The id of the question whose answer has stopped at the output limit, where it can be continued."""
        questions = [reader.question for reader in self._readers if reader.question]
        return questions[-1] if questions and self._readers[-1].at_limit else ""

    def ask(self, body: Mapping[str, Any]) -> Generator[Batch, None, Finish]:
        """What one call brings. Its connection is closed behind it: an account has one stream at a time."""
        line, account = self._desk.line, self._desk.account
        continues = self._chat.behind is not None and not self._answers
        wrote = any(reader.wrote for reader in self._readers)
        reader = Reader(line.drift, continues=continues, rest=wrote, marks=self._marks, token=self._desk.token)
        self._readers.append(reader)
        referer = f"{line.host(account)}/chat/{self._chat_id}"
        return line.stream(
            f"/api/chat/{self._chat_id}/completion/stream",
            account,
            headers={**self._desk.headers(), "Referer": referer},
            content=orjson.dumps(body),
            reader=reader,
            continues=continues,
            is_research=Feature.RESEARCH in self._chat.features,
        )

    def late_sources(self) -> Iterator[Event]:
        """The pages that the text speaks of, where the stream has told none. Without them it is an answer as well."""
        is_told = any(reader.found for reader in self._readers)
        if self._marks is None or not self._marks.seen or not self._answers or is_told:
            return
        queries = classic_sources.queries(self._chat_id, self._answers)
        try:
            answer = self._desk.call("POST", classic_sources.REFS_PATH, queries, SOURCES_SECONDS)
            found = classic_sources.of_refs(answer.json()) if answer.status == 200 else ()
        except KimiError:
            return
        if found:
            yield Sources(found)

    @property
    def _answers(self) -> Sequence[str]:
        """The segments of the answer, and of its continuations."""
        return [reader.answer for reader in self._readers if reader.answer]


def _create(desk: _Desk, model: ClassicModel) -> str:
    try:
        answer = desk.call("POST", "/api/chat", classic_request.new_chat(model))
        if answer.status not in {200, 201}:
            raise desk.error(answer)
        made = _said(desk, answer)
    except ContentRefused as refused:
        # Nothing was said so far that could have been refused: it is the account, and a refresh tells what ails it.
        raise TokenRejected(f"no chat could be made: {refused}") from refused
    chat_id = made.get("id") if isinstance(made, Mapping) else None
    if not isinstance(chat_id, str) or not ID.fullmatch(chat_id):
        raise BrokenAnswer("a new chat came without an id")
    return chat_id


def _check_research(desk: _Desk) -> None:
    """Raises `FeatureSpent` when nothing is left of it, and what ails the account when that is why nobody tells."""
    answer = desk.call("GET", classic_research.USAGE_PATH)
    try:
        if answer.status != 200:
            raise desk.error(answer)
        usage = _said(desk, answer)
    except (UpstreamError, RequestRefused):
        usage = None  # the call may have changed, while research has not
    classic_research.check(usage, desk.line.drift)


def _end(desk: _Desk, method: str, path: str, body: object = None) -> None:
    answer = desk.call(method, path, body)
    if answer.status not in _OVER:
        raise desk.error(answer)
    if answer.status == 200 and answer.body.startswith(b"{"):
        _said(desk, answer)


def _said(desk: _Desk, answer: Answer) -> Any:
    """What the answer says in JSON. Raises what it complains about."""
    body = answer.json()
    if isinstance(body, Mapping) and body.get("error_type"):
        raise desk.error(answer)
    return body
