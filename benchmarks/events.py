"""What an event costs on its way from the bytes of an upstream's answer to the bytes for the client.

    .venv/bin/python -m benchmarks.events

Prints a row for each dialect, language and number of events that come in one read: microseconds of CPU an event, up to
the end of each stage, the best of several rounds. Sockets, greenlets and timers are not in it.
It judges nothing: machines differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import orjson

from gateway.shaping import shape
from gateway.surfaces.chat_completions import ChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity
from kimi.accounts import Kind
from kimi.events import Batch, Event
from kimi.upstreams import envelopes
from tests.kimi import classical, connecting, official
from tests.kimi.replay import Recorded, Replay

TOGETHER = (1, 20)
TEXTS = {
    "English": ("The moon", " goes around", " the earth", " in about", " 27", " days.\n"),
    "Chinese": ("月亮绕着", "地球转，", "大约", "27", "天", "。\n"),
}


@dataclass
class Read(Recorded):
    """An answer that comes in these reads."""

    reads: Sequence[bytes] = field(default=(), kw_only=True)

    def chunks(self) -> Iterator[bytes]:
        """See `Reply.chunks`."""
        return iter(self.reads)


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=5_000, help="in an answer")
    options.add_argument("--rounds", type=int, default=9)
    given = options.parse_args()
    print("| dialect | language | events a read | read | and shaped | and rendered, with usage |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in (Kind.CLASSIC, Kind.KIMI, Kind.MOONSHOT):
        for language, texts in TEXTS.items():
            for together in TOGETHER:
                reads = list(in_reads(answer(kind, list(islice(cycle(texts), given.events))), together))
                costs = (
                    min(seconds(stage(kind, reads)) for _ in range(given.rounds)) * 1e6 / given.events
                    for stage in (upstream, shaping, rendering)
                )
                figures = " | ".join(f"{cost:.2f}" for cost in costs)
                print(f"| {kind.value} | {language} | {together} | {figures} |", flush=True)
    return 0


def answer(kind: Kind, texts: Sequence[str]) -> Sequence[bytes]:
    """What an upstream sends: an event with each of the texts between its first and its last."""
    if kind is Kind.CLASSIC:
        head = {"event": "cmpl", "idx_s": 0, "idx_z": 0, "view": "cmpl"}
        said = [{**head, "text": text} for text in texts]
        return [sent(message) for message in ({"event": "ping"}, *said, {"event": "all_done"})]
    if kind is Kind.KIMI:
        place = {"op": "append", "mask": "block.text.content", "eventOffset": 1}
        begun = {"op": "set", "mask": "message", "message": {"id": "a", "role": "assistant"}}
        said = [{**place, "block": {"id": "1", "text": {"content": text}}} for text in texts]
        return [*(envelopes.encode(orjson.dumps(message)) for message in (begun, *said)), b"\2\0\0\0\2{}"]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "kimi-k2.6"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [sent({**head, "choices": [choice]}) for choice in (*choices, end)]


def sent(message: object) -> bytes:
    """As an event of a stream."""
    return b"data: %b\n\n" % orjson.dumps(message)


def in_reads(events: Sequence[bytes], together: int) -> Iterator[bytes]:
    """What comes in one read each: the first event, then so many together, then the last."""
    first, *others, last = events
    yield first
    for start in range(0, len(others), together):
        yield b"".join(others[start : start + together])
    yield last


def upstream(kind: Kind, reads: Sequence[bytes]) -> Iterator[Sequence[Event]]:
    """What the dialect's adapter makes of an answer."""
    return filter(None, adapted(kind, reads))


def adapted(kind: Kind, reads: Sequence[bytes]) -> Iterator[Batch]:
    """The same with its signs of life."""
    if kind is Kind.CLASSIC:
        http = Replay(classical.CREATED, Read(headers=classical.SSE, reads=reads))
        return classical.classic(http).stream(classical.CHAT, classical.ACCOUNT, classical.TOKEN)
    if kind is Kind.KIMI:
        http = Replay(Read(headers=connecting.ENVELOPES, reads=reads))
        return connecting.connect(http).stream(connecting.CHAT, connecting.ACCOUNT, connecting.TOKEN)
    http = Replay(Read(headers=official.SSE, reads=reads))
    return official.moonshot(http).stream(official.CHAT, official.ACCOUNT, "sk-of-nobody")


def shaping(kind: Kind, reads: Sequence[bytes]) -> Iterator[Sequence[Event]]:
    """The same, shaped."""
    return map(shape(classical.CHAT, kind), upstream(kind, reads))


def rendering(kind: Kind, reads: Sequence[bytes]) -> Iterator[bytes]:
    """The bytes for a client, what came in one read together."""
    identity = Identity(id="chatcmpl-1", created=1, model="kimi")
    stream = ChatStream(identity, Tally(classical.CHAT.messages), include_usage=False)
    return map(stream.render, shaping(kind, reads))


def seconds(stream: Iterable[object]) -> float:
    """CPU for reading a stream to its end."""
    begun = time.process_time()
    deque(stream, maxlen=0)
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())
