"""Streams that come in any pieces, against a plain reading of all that has come so far."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kimi.errors import BrokenAnswer
from kimi.upstreams import envelopes, sse
from tests.kimi import plain_decoders

LINES = (
    *(b"data: ", b"data:", b"data", b"da", b"ta: x", b"event: e", b"id", b": ", b"{}", b"\n", b"\n", b"\r", b"\r\n"),
    *(b"\n\n", b"\xef\xbb\xbf", "月🌙".encode(), b"\xff", b"\xe6\x9c", b"x" * 40, b"data: y\n\n", b"data: \xff\n"),
)
HEADS = (
    *(b"\0", b"\2", b"\1", b"\4", b"\0\0\0\0", b"\2\0\0\0\2{}", b"\0\0\0\0\2{}", b"\0\0\0\0\0", b"\0\0\0\0\x29"),
    *(b"\0\0\0\0\x28", b"\0\0\0\1", b"\xff", b"{}", b"x" * 40, b"\3\0\0\0\0", b"\2\0\0\0\x29"),
)
LIMIT = 40


class Stream(RuleBasedStateMachine):
    """Bytes that have come. What follows on an end is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.came = b""
        self.found: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        raise NotImplementedError


class Events(Stream):
    """Server-sent events."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = sse.Decoder()
        self.limit = sse.MAX_EVENT_BYTES
        self.is_broken = self.is_closed = False

    @initialize(limit=st.sampled_from([LIMIT, 0]))
    def begin(self, limit: int) -> None:
        if limit:
            self.decoder, self.limit = sse.Decoder(limit), limit

    @precondition(lambda self: not self.is_closed)
    @rule(piece=st.lists(st.sampled_from(LINES), max_size=6).map(b"".join) | st.binary(max_size=12))
    def feed(self, piece: bytes) -> None:
        self.came += piece
        self.read(lambda: self.decoder.feed(piece))

    @precondition(lambda self: self.came)
    @rule()
    def close(self) -> None:
        plain = self.plain()
        before = len(self.found)
        was_closed, self.is_closed = self.is_closed, True
        self.read(self.decoder.close)
        if not plain.is_close(self.limit):
            assert self.is_broken == plain.is_broken_at_end
            assert self.found[before:] == ([] if was_closed else plain.at_end)

    def read(self, step: Callable[[], list[bytes]]) -> None:
        try:
            found = step()
        except BrokenAnswer:
            self.is_broken = True
        else:
            assert not self.is_broken, "what is broken stays so"
            self.found += found

    def plain(self) -> plain_decoders.Events:
        return plain_decoders.events(self.came, self.limit)

    @invariant()
    def what_came_is_found(self) -> None:
        plain = self.plain()
        if plain.is_close(self.limit):
            return
        closing = plain.at_end if self.is_closed else []
        assert self.found == [*plain.complete, *closing]
        assert not self.is_broken or plain.is_broken or self.is_closed

    @invariant()
    def what_is_wrong_is_said_at_the_latest_with_the_next_piece(self) -> None:
        plain = self.plain()
        if plain.is_broken and not plain.is_close(self.limit) and not self.is_broken:
            self.read(lambda: self.decoder.feed(b""))
            assert self.is_broken


class Envelopes(Stream):
    """Envelopes of the Connect protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = envelopes.Decoder(LIMIT)

    @rule(piece=st.lists(st.sampled_from(HEADS), max_size=5).map(b"".join) | st.binary(max_size=12))
    def feed(self, piece: bytes) -> None:
        self.came += piece
        self.found += map(bytes, self.decoder.feed(piece))

    @invariant()
    def what_came_is_found(self) -> None:
        plain = plain_decoders.envelopes(self.came, LIMIT)
        assert (self.found, self.decoder.is_over) == (plain.messages, plain.is_over)
        if plain.trailer is None:
            with pytest.raises(BrokenAnswer):
                self.decoder.trailer()
        else:
            assert self.decoder.trailer() == plain.trailer


@pytest.mark.parametrize("machine", [Events, Envelopes])
def test_a_decoder_does_what_its_model_does(machine: type[Stream]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=20))
