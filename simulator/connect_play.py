"""One answer of the connect dialect: envelopes with operations on masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.answers import SITES
from simulator.chats import Chat, Turn, long_id
from simulator.codecs import Codec, Envelopes, Message, end_of_stream
from simulator.kinds import Kind
from simulator.performance import Cue
from simulator.reading import Reading
from simulator.reasons import look_up, render
from simulator.streams import Emit, Item, Pause

DONE = "MESSAGE_STATUS_COMPLETED"
_CITE = "\ue3a0cite\ue3a3web_search:1#0\ue3a8"
_CITE_TWO = "\ue3a0cite\ue3a3web_search:1#0\ue3a3web_search:1#1\ue3a8"
_CITE_UNKNOWN = "\ue3a0cite\ue3a3web_search:7#9\ue3a8"


class ConnectPlay:
    """The messages of one chat call. The chat is made when its message goes out, unless it goes on with one."""

    def __init__(
        self, cue: Cue, chat: Chat | None, reading: Reading, *, parent_id: str, thinks: bool, searches: bool
    ) -> None:
        self.codec: Codec = Envelopes(cue.rng, tame=cue.tame)
        self._cue = cue
        self._chat = chat
        self._thinks = thinks
        self._searches = searches
        self._system = reading.system
        files = reading.files + reading.images
        self._user = Turn(long_id(cue.rng), "user", reading.prompt, parent_id, DONE, files=files)
        self._answer = Turn(long_id(cue.rng), "assistant", "", self._user.id)
        self._block = 0

    def items(self) -> Iterator[Item]:
        """The documented order: heartbeat, chat, echo, stages, thinking, tools, text, status, done, trailer."""
        yield self.heartbeat()
        yield from self._opening()
        yield from self._stages()
        if self._thinks:
            yield from self._content("think", self._cue.thoughts())
        if self._searches:
            yield from self._search()
        if self._cue.script.silence:
            yield Pause(self._cue.script.silence)
        yield from self._content("text", self._pieces())
        yield from self._title()
        yield from self._end()

    def _opening(self) -> Iterator[Emit]:
        new = self._chat is None
        if self._chat is None:
            owner = self._cue.call.owner
            self._chat = Chat(long_id(self._cue.rng), "未命名会话", self._cue.call.world.clock())
            owner.chats[self._chat.id] = self._chat
            owner.counts.chats_created += 1
        self._chat.turns += [self._user, self._answer]
        yield self._set("head", None, {"chat": {"id": self._chat.id, "name": self._chat.name}})
        if new:
            yield self._set("head", "chat.lastRequest", {"chat": {"lastRequest": {"scenario": "SCENARIO_K2D5"}}})
        yield from self._echo(self._user)
        if self._system:
            yield from self._echo(Turn(long_id(self._cue.rng), "system", self._system, "", DONE))
        answer = self._answer
        message = {"id": answer.id, "parentId": answer.parent_id, "role": "assistant", "status": answer.status}
        yield self._set("head", "message", {"message": message})

    def _echo(self, turn: Turn) -> Iterator[Emit]:
        message = {"id": turn.id, "parentId": turn.parent_id, "role": turn.role, "status": DONE}
        yield self._set("head", "message", {"message": message})
        block = {"id": "0", "messageId": turn.id, "text": {"content": turn.text}}
        yield self._set("head", "block.text", {"block": block})

    def _stages(self) -> Iterator[Emit]:
        stages = {"id": "s0", "multiStage": {"stages": [{"name": "STAGE_NAME_THINKING", "status": ""}]}}
        yield self._set("head", "block.multiStage", {"block": stages})
        yield self._set("head", "block.stage", {"block": {"id": "s1", "stage": {"name": "STAGE_NAME_ANSWERING"}}})

    def _content(self, kind: str, pieces: list[str]) -> Iterator[Emit]:
        block_id = self._next_block()
        for number, piece in enumerate(pieces):
            if kind == "text":
                self._answer.text += piece
            block = {"id": block_id, "messageId": self._answer.id, kind: {"content": piece}}
            if number == 0:
                yield self._set(kind, f"block.{kind}", {"block": block})
            else:
                yield self._emit(kind, {"op": "append", "mask": f"block.{kind}.content", "block": block})

    def _pieces(self) -> list[str]:
        pieces = self._cue.pieces()
        if not self._searches or not self._cue.script.marks or len(pieces) < 2:
            return pieces
        mark = (_CITE if self._cue.script.sources < 2 else _CITE_TWO) + _CITE_UNKNOWN
        half = len(mark) // 4
        return [*pieces[:-1], mark[:half], mark[half : 2 * half], mark[2 * half :], pieces[-1]]

    def _search(self) -> Iterator[Emit]:
        """A first block of text, then the search: the answer goes on in a block of its own."""
        block_id = self._next_block()
        tool: dict[str, Any] = {"toolCallId": "web_search:1", "name": "web_search"}
        contents = [
            {
                "searchResult": {
                    "base": {
                        "title": title,
                        "url": url,
                        "siteName": site,
                        "snippet": f"摘要 snippet {n + 1}",
                        "publishTime": "2026-01-02T00:00:00Z",
                    }
                }
            }
            for n, (url, title, site) in enumerate(SITES[: self._cue.script.sources])
        ]
        steps: tuple[tuple[str, dict[str, Any]], ...] = (
            ("block.tool", {**tool, "status": "STATUS_PENDING"}),
            ("block.tool.args", {"args": '{"queries":["simulator'}),
            ("block.tool.args", {"args": ' 模拟器"]}'}),
            ("block.tool.status", {"status": "STATUS_RUNNING"}),
            ("block.tool.contents", {"contents": contents}),
            ("block.tool.status", {"status": "STATUS_DONE"}),
        )
        for number, (mask, content) in enumerate(steps):
            op = "append" if number in (1, 2) else "set"
            block = {"id": block_id, "messageId": self._answer.id, "tool": content}
            yield self._emit("tool", {"op": op, "mask": mask, "block": block})
        self._answer.sources = [{"url": url, "title": title} for url, title, _ in SITES[: self._cue.script.sources]]

    def _next_block(self) -> str:
        self._block += 1
        return str(self._block)

    def _title(self) -> Iterator[Emit]:
        if self._chat is not None and len(self._chat.turns) == 2:
            self._chat.name = self._cue.script.title
            yield self._set("tail", "chat.name", {"chat": {"id": self._chat.id, "name": self._chat.name}})

    def _end(self) -> Iterator[Emit]:
        self._answer.status = DONE
        yield self._set("tail", "message.status", {"message": {"id": self._answer.id, "status": DONE}})
        yield self._emit("tail", {"done": {}})
        yield end_of_stream({})

    def _set(self, tag: str, mask: str | None, content: Message) -> Emit:
        return self._emit(tag, {"op": "set", **({"mask": mask} if mask else {}), **content})

    def _emit(self, tag: str, message: Message) -> Emit:
        return Emit(tag, self.codec.encode(message))

    def noise(self) -> list[Emit]:
        """A heartbeat, or a mask that means nothing to the reader."""
        dice = self._cue.rng.random()
        if dice < 0.4:
            return [self.heartbeat()]
        if dice < 0.7:
            return [self._set("noise", "block.stage", {"block": {"id": "s2", "stage": {"status": "RUNNING"}}})]
        block = {"id": "x", "neverSeenBefore": {"content": "not for the reader"}}
        return [self._set("noise", "block.neverSeenBefore", {"block": block})]

    def error(self, reason: str, *, where: str, silent: bool) -> list[Emit]:
        """The error in a frame of its own and an empty trailer, or in the trailer."""
        error = {"error": render(Kind.KIMI, look_up(Kind.KIMI, reason), silent=silent)}
        if where == "first":
            return [self._emit("end", error), end_of_stream({})]
        return [end_of_stream(error)]

    def retract(self, reason: str) -> list[Emit]:
        """block.exception, and the end."""
        overloaded = reason == "overloaded"
        error = {
            "reason": "REASON_COMPLETION_OVERLOADED" if overloaded else "REASON_CONTENT_MODERATION",
            "localizedMessage": {"locale": "zh-CN", "message": "当前负载过高" if overloaded else "这个问题我无法回答"},
            "severity": "SEVERITY_BLOCK_RETRACT",
        }
        block = {"id": self._next_block(), "messageId": self._answer.id, "exception": {"error": error}}
        return [self._set("tail", "block.exception", {"block": block}), *self._end()]

    def degrade(self) -> list[Emit]:
        """A smaller model answers."""
        notification = {"type": "TYPE_MODEL_DEGRADE", "message": "当前使用人数较多，已切换至其他模型"}
        return [self._emit("head", {"notification": notification})]

    def unknown(self) -> list[Emit]:
        """Operations, masks and messages that nobody knows."""
        return [
            self._emit("noise", {"op": "merge", "mask": "block.hologram", "block": {"hologram": {"content": "no"}}}),
            self._emit("noise", {"brandNewMessage": {"text": "not for the reader"}}),
            self._emit("noise", {"op": "append", "mask": "block.hologram.content", "block": {}}),
        ]

    def heartbeat(self) -> Emit:
        """A heartbeat."""
        return self._emit("noise", {"heartbeat": {}})

    def length(self) -> list[Emit]:
        """This dialect does not say that a limit was reached."""
        return list(self._end())

    def finish(self, reason: str) -> list[Emit]:  # noqa: ARG002  # as the protocol has it
        """There are no finish reasons here."""
        return list(self._end())
