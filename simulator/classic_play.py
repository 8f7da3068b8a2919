"""One answer of the classic dialect: server-sent events with `event` inside the JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.answers import SITES
from simulator.chats import Chat, Turn, short_id
from simulator.codecs import Codec, Message, Sse
from simulator.kinds import Kind
from simulator.performance import Cue
from simulator.reading import Reading
from simulator.reasons import look_up, render
from simulator.streams import Emit, Item, Pause

FILTERED = "尊敬的用户您好，让我们换个话题再聊聊吧。"

_NOISE: tuple[Message, ...] = (
    {"event": "ping"},
    {"event": "debug", "text": "trace 7f"},
    {"event": "zone_set", "zone": {"section": {}}},
    {"event": "status", "text": "", "tips": "正在思考"},
    {"event": "loading", "loading": True},
    {"event": "search_info", "text": "noise"},
    {"event": "search_citation", "values": []},
    {"event": "never_seen_before", "text": "not for the reader"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicOrder:
    """What a completion asks for. `rest` is what an earlier answer has not said, where this one goes on with it."""

    reading: Reading
    refs: list[str]
    thinks: bool
    searches: bool
    researches: bool
    rest: list[str]


class ClassicPlay:
    """The events of one completion."""

    def __init__(self, cue: Cue, chat: Chat, order: ClassicOrder) -> None:
        self.codec: Codec = Sse(cue.rng, tame=cue.tame)
        self._cue = cue
        self._chat = chat
        self._refs = order.refs
        self._thinks = order.thinks and not order.rest
        self._searches = (order.searches or order.researches) and not order.rest
        self._silence = cue.script.silence
        self._sent = 0
        group = short_id(cue.rng)
        if order.rest:
            self._pieces, self._limit, chat.rest = order.rest, chat.limit, []
            self._req = next(turn for turn in reversed(chat.turns) if turn.role == "user")
            self._resp = next(turn for turn in reversed(chat.turns) if turn.role == "assistant")
            return
        self._pieces, self._limit = self._marked(cue.pieces()), cue.script.limit
        files = order.reading.files + order.reading.images
        self._req = Turn(short_id(cue.rng), "user", order.reading.prompt, group, files=files)
        self._resp = Turn(short_id(cue.rng), "assistant", "", group)
        chat.turns += [self._req, self._resp]
        chat.limit = self._limit

    def items(self) -> Iterator[Item]:
        """The documented order: segments, search, thinking, text, citations, end."""
        yield from self._head()
        if self._searches:
            yield from self._search()
        if self._thinks:
            for thought in self._cue.thoughts():
                yield self._emit("think", {"event": "k1", "text": thought})
        if self._silence:
            yield Pause(self._silence)
        said = 0
        for piece in self._pieces:
            if self._cue.stream.cancelled:
                break
            if self._limit is not None and said >= self._limit:
                self._sent += 1
                yield from self.length()
                return
            self._sent += 1
            said += len(piece)
            self._resp.text += piece
            yield self._emit("text", self._cmpl(piece))
        if self._resp.sources and self._cue.script.cards:
            cards = [{"ref_id": str(n + 1), "url": url, "title": title} for n, (url, title, _) in self._sites()]
            yield self._emit("tail", {"event": "ref_docs", "ref_cards": cards})
        yield from self._end()

    def _head(self) -> Iterator[Emit]:
        req, resp = self._req, self._resp
        yield self._emit(
            "head", {"event": "req", "id": req.id, "group_id": req.parent_id, "content": req.text, "refs": self._refs}
        )
        yield self._emit("head", {"event": "resp", "id": resp.id, "group_id": resp.parent_id})
        if len(self._chat.turns) == 2:
            self._chat.name = self._cue.script.title
            yield self._emit("head", {"event": "rename", "text": self._cue.script.title})

    def _search(self) -> Iterator[Emit]:
        found: list[Message] = [
            {
                "type": "get_res",
                "successNum": n + 1,
                "title": title,
                "url": url,
                "site_name": site,
                "date": "2026/01/02",
                "snippet": f"摘要 snippet {n + 1}",
            }
            for n, (url, title, site) in self._sites()
            if self._cue.script.cards
        ]
        target = {"type": "target", "targets": ["simulator"]}
        for msg in ({"type": "start"}, {"type": "start_res"}, target, *found, {"type": "answer"}):
            yield self._emit("head", {"event": "search_plus", "msg": msg})
        self._resp.sources = [{"url": url, "title": title} for _, (url, title, _) in self._sites()]

    def _marked(self, pieces: list[str]) -> list[str]:
        """With a search, the text speaks of what was found, by marks that are split over events."""
        if not self._searches or not self._cue.script.marks or len(pieces) < 2:
            return pieces
        marks = [f"[^{n + 1}^]" for n, _ in self._sites()]
        split = [half for mark in marks for half in (mark[:2], mark[2:])]
        return [*pieces[:-1], *split, "[^9", "9^]", pieces[-1]]

    def _sites(self) -> list[tuple[int, tuple[str, str, str]]]:
        return list(enumerate(SITES[: self._cue.script.sources]))

    def _cmpl(self, piece: str) -> Message:
        if self._cue.tame or self._sent % 2:
            return {"event": "cmpl", "text": piece, "idx_s": 0, "idx_z": 0, "view": "cmpl", "loading": False}
        return {"event": "cmpl", "text": piece}

    def _end(self) -> Iterator[Emit]:
        yield self._emit("tail", {"event": "done"})
        yield self._emit("end", {"event": "all_done"})

    def _emit(self, tag: str, message: Message) -> Emit:
        return Emit(tag, self.codec.encode(message))

    def noise(self) -> list[Emit]:
        """One of the events that mean nothing to the reader."""
        return [self._emit("noise", self._cue.rng.choice(_NOISE))]

    def error(self, reason: str, *, where: str, silent: bool) -> list[Emit]:  # noqa: ARG002  # as the protocol has it
        """The error event, after which the stream is over."""
        error = render(Kind.CLASSIC, look_up(Kind.CLASSIC, reason))
        return [self._emit("end", {"event": "error", "error": error})]

    def retract(self, reason: str) -> list[Emit]:
        """This dialect withdraws nothing: it changes the subject."""
        if reason == "overloaded":
            return self.error("overloaded", where="middle", silent=False)
        return [self._emit("text", {"event": "cmpl", "text": FILTERED}), *self._end()]

    def degrade(self) -> list[Emit]:
        """This dialect says nothing about it."""
        return []

    def unknown(self) -> list[Emit]:
        """Events and fields that nobody knows."""
        return [
            self._emit("noise", {"event": "brand_new_event", "text": "not for the reader", "nested": {"a": [1]}}),
            self._emit("noise", {"text": "an event without a name"}),
        ]

    def heartbeat(self) -> Emit:
        """A ping."""
        return self._emit("noise", {"event": "ping"})

    def length(self) -> list[Emit]:
        """The output limit; what was not said is kept for `continue`."""
        self._chat.rest = self._pieces[max(0, self._sent - 1) :]
        return [self._emit("tail", {"event": "length"}), self._emit("end", {"event": "all_done"})]

    def finish(self, reason: str) -> list[Emit]:
        """There are no finish reasons here but the limit."""
        return self.length() if reason == "length" else list(self._end())
