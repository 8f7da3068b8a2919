from __future__ import annotations

import gevent
import pytest
from structlog.testing import capture_logs

from gateway.drain import Drain
from gateway.errors import ClientGone
from gateway.journal import Entry
from gateway.run import Run
from gateway.streaming import StreamBody
from gateway.surfaces.chat_completions import ChatStream
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import Identity, Stream
from kimi.chat import Message
from kimi.errors import BrokenAnswer, Unreachable
from kimi.events import Answering, Finish, Text
from tests.gateway.fakes import Client, Clock, ScriptedCompletion, Silence, Step
from tests.gateway.responses.reading import stream as responses
from tests.gateway.turns import counted_turns

FINISH = Finish("stop")


class Written:
    """An outlet that keeps what is written."""

    is_torn = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)


class Scene:
    def __init__(
        self,
        *script: Step,
        outlet: Written | None = None,
        prompt: str = "?",
        stream: Stream | None = None,
    ) -> None:
        self.clock = Clock()
        self.drain = Drain(30, self.clock)
        self.completion = ScriptedCompletion(list(script), self.clock)
        self.entry = Entry(request_id="r", method="POST", route="/", started=self.clock())
        self.closings = 0
        self.client = Client()
        self.stream = stream or ChatStream(
            Identity(id="c", created=1, model="kimi"), Tally([Message("user", prompt)]), include_usage=False
        )
        self.body = StreamBody(
            Run(self.completion, self.entry, peer=self.client, drain=self.drain, monotonic=self.clock),
            self.stream,
            outlet=outlet,
            heartbeat=10,
            monotonic=self.clock,
            on_close=self.count_closing,
        )

    def count_closing(self) -> None:
        self.closings += 1


def test_the_first_piece_is_sent_and_the_rest_follows() -> None:
    scene = Scene(Text("a"), Text("b"), FINISH)
    scene.body.begin(15)
    first, second, last = scene.body
    assert b'"role":"assistant"' in first and b'"a"' in first
    assert b'"b"' in second
    assert last.endswith(b"data: [DONE]\n\n")
    scene.body.close()
    assert scene.entry.outcome == "ok"
    assert scene.entry.usage is not None


def test_a_client_that_leaves_while_its_failure_is_told_is_cut_off() -> None:
    scene = Scene(Text("a"), Unreachable(), prompt="word " * 40_000)  # counted with several pauses
    scene.body.begin(15)
    next(scene.body)
    with gevent.Timeout(0, ClientGone()), pytest.raises(ConnectionResetError):  # while the prompt is counted
        next(scene.body)
    assert scene.body.is_over


def test_an_answer_that_came_whole_is_one_write() -> None:
    scene = Scene([Text("a"), FINISH])
    scene.body.begin(15)
    assert len(list(scene.body)) == 1


def test_the_last_piece_is_known_as_such() -> None:
    scene = Scene(Text("a"), Text("b"), FINISH)
    scene.body.begin(15)
    assert [scene.body.is_over for _ in scene.body] == [False, False, True]


@pytest.mark.parametrize("outlet", [None, Written()])
def test_a_long_end_is_sent_piece_by_piece(outlet: Written | None) -> None:
    scene = Scene(Text("a"), Text("b" * 100_000), FINISH, outlet=outlet, stream=responses())
    with counted_turns() as turns:
        scene.body.begin(15)
        sent = [(piece.count(b"event: "), scene.body.is_over) for piece in scene.body]
    assert sent[-4:] == [(1, False), (1, False), (1, False), (1, True)]
    assert turns.many >= 3
    assert scene.entry.outcome == "ok"


def test_headers_go_out_with_a_comment_when_the_upstream_is_silent() -> None:
    scene = Scene(Silence(20), Text("a"), FINISH)
    scene.body.begin(15)
    assert next(scene.body) == scene.stream.heartbeat()
    assert b'"a"' in next(scene.body)


def test_silence_is_bridged_by_comments() -> None:
    scene = Scene(Text("a"), Silence(25), Text("b"), FINISH)
    scene.body.begin(15)
    _, first, second, text, _ = scene.body
    assert first == second == scene.stream.heartbeat()
    assert first.startswith(b":") and first.endswith(b"\n\n")
    assert b'"b"' in text


def test_past_the_server_goes_all_but_the_first_piece_and_the_last() -> None:
    outlet = Written()
    scene = Scene(Text("a"), Silence(25), Text("b"), Silence(9), FINISH, outlet=outlet)
    scene.body.begin(15)
    first, last = scene.body
    *comments, text = outlet.pieces
    assert b'"a"' in first and last.endswith(b"data: [DONE]\n\n")
    assert comments == [scene.stream.heartbeat()] * 2
    assert b'"b"' in text


def test_life_signs_of_the_upstream_do_not_keep_a_client_awake() -> None:
    signs: list[Step] = []
    for _ in range(12):
        signs += [Silence(1), Answering("s")]
    scene = Scene(Text("a"), *signs, FINISH)
    scene.body.begin(15)
    next(scene.body)
    assert next(scene.body) == scene.stream.heartbeat()
    assert scene.clock() - scene.entry.started == 10


def test_a_failure_half_way_ends_with_the_error() -> None:
    scene = Scene(Text("a"), BrokenAnswer("cut"))
    scene.body.begin(15)
    with capture_logs() as logs:
        _, last = scene.body
    assert b'"code":"upstream_error"' in last and last.endswith(b"data: [DONE]\n\n")
    assert scene.entry.outcome == "upstream_error"
    assert logs[0]["reason"] == "BrokenAnswer: cut"


def test_an_error_of_ours_ends_with_an_error_too() -> None:
    scene = Scene(Text("a"), ZeroDivisionError("oops"))
    scene.body.begin(15)
    with capture_logs() as logs:
        _, last = scene.body
    assert b'"code":"internal_error"' in last and b"oops" not in last
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


def test_what_runs_when_the_process_ends_is_told() -> None:
    scene = Scene(Text("a"), Silence(40))
    scene.body.begin(15)
    next(scene.body)
    scene.drain.begin()
    *comments, last = scene.body
    assert set(comments) == {scene.stream.heartbeat()}
    assert b'"code":"shutting_down"' in last
    assert 30 <= scene.clock() - scene.entry.started <= 31


def test_a_client_that_left_gets_no_end() -> None:
    scene = Scene(Text("a"), ClientGone(), Text("b"))
    scene.body.begin(15)
    next(scene.body)
    with pytest.raises(ConnectionResetError):
        next(scene.body)
    assert list(scene.body) == []
    scene.body.close()
    assert scene.entry.outcome == "client_gone"


def test_a_failure_before_the_first_piece_is_raised() -> None:
    scene = Scene(Unreachable())
    with pytest.raises(Unreachable):
        scene.body.begin(15)


def test_closing_gives_back_once_even_what_was_never_started() -> None:
    scene = Scene(Text("a"))
    scene.body.close()
    scene.body.close()
    assert (scene.completion.closed, scene.closings) == (1, 1)
    assert scene.entry.outcome == "client_gone"


def test_closing_half_way_gives_back() -> None:
    scene = Scene(Text("a"), Text("b"))
    scene.body.begin(15)
    next(scene.body)
    scene.body.close()
    assert scene.completion.closed == 1
    assert scene.entry.outcome == "client_gone"
