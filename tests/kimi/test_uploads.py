"""Giving files to the web dialects: byte by byte on loopback, and over the simulator as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message, Upload
from kimi.errors import AccountBusy, BrokenAnswer, FileRefused, KimiError, RateLimited, TokenRejected, UpstreamError
from kimi.events import ChatOpened
from kimi.exchange import Exchange
from kimi.files import Blob
from kimi.http import Endpoints, Transport
from kimi.upstreams import KeepsChats, TakesFiles
from kimi.upstreams.classic_files import ClassicFiles
from kimi.upstreams.connect_files import ConnectFiles
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build
from kimi.upstreams.uploading import Polling
from tests.kimi.files.blobs import blob
from tests.kimi.files.samples import PDF, png
from tests.kimi.loopback import Peer, Received, Server, ok
from tests.kimi.pool.pools import Clock
from tests.kimi.replay import Recorded, Replay, said
from tests.simulator.running import Simulator

IMAGE = png()
SSE = "Content-Type: text/event-stream"
PARSED = b'data: {"event":"resp","file_info":{"status":"parsed"}}\n\n'


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport()
    yield transport
    transport.close()


Answer = bytes | Callable[[str], bytes]


@dataclass
class Upstream:
    """Answers each request with the next of its answers, which may depend on the host, and notes what came."""

    answers: list[Answer]
    seen: list[Received] = field(default_factory=list)

    def __call__(self, peer: Peer) -> None:
        while self.answers:
            self.seen.append(peer.request())
            answer = self.answers.pop(0)
            peer.send(answer if isinstance(answer, bytes) else answer(self.seen[-1].headers["host"]))

    @property
    def lines(self) -> list[str]:
        return [request.line.removesuffix(" HTTP/1.1") for request in self.seen]


def json(body: object, status: str = "200 OK") -> bytes:
    return ok(orjson.dumps(body), "Content-Type: application/json").replace(b"200 OK", status.encode(), 1)


def place(url: str = "http://HERE/put?signature=s", **more: str) -> Answer:
    return lambda host: json({"url": url.replace("HERE", host), "object_name": "o/1", "file_id": "", **more})


def progress(status: str) -> bytes:
    return json({"progresses": [{"status": f"PROCESS_STATUS_{status}"}]})


@dataclass
class Bench:
    """An adapter's files over an upstream, whose waiting moves a clock."""

    kind: Kind
    transport: Transport
    proxy: str | None = None
    clock: Clock = field(default_factory=Clock)
    pauses: list[float] = field(default_factory=list)
    signs: int = 0

    def life(self) -> None:
        self.signs += 1

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.now += seconds

    def upload(self, server: Server, content: Blob) -> Upload:
        endpoints = Endpoints(server.url, server.url, server.url, server.url)
        made = ClassicFiles if self.kind is Kind.CLASSIC else ConnectFiles
        files = made(Line(self.transport, endpoints), Polling(self.clock, self.pause))
        try:
            account = Account(name="a", kind=self.kind, proxy=self.proxy)
            return files.upload(content, account, "access", self.life)
        finally:
            self.transport.close()  # or the server would wait for more


@pytest.fixture
def classic(transport: Transport) -> Bench:
    return Bench(Kind.CLASSIC, transport)


@pytest.fixture
def connect(transport: Transport) -> Bench:
    return Bench(Kind.KIMI, transport)


def test_a_document_in_the_classic_dialect(classic: Bench) -> None:
    there = {"id": "f1", "name": "report.pdf", "size": 9, "status": "initialized", "content_type": "application/pdf"}
    upstream = Upstream(
        [
            place(),
            ok(b""),
            json({**there, "status": "pending"}),
            json({**there, "presigned_url": "https://secret", "more": {"a": 1}}),
            ok(b": nothing yet\n\n", SSE),
            ok(PARSED, SSE),
        ]
    )
    with Server(upstream) as server:
        found = classic.upload(server, blob(PDF))
    assert upstream.lines == [
        "POST /api/pre-sign-url",
        "PUT /put?signature=s",
        "POST /api/file",
        "POST /api/file",
        "POST /api/file/parse_process",
        "POST /api/file/parse_process",
    ]
    assert orjson.loads(upstream.seen[0].body) == {"action": "file", "name": "report.pdf"}
    assert upstream.seen[1].body == PDF
    assert upstream.seen[1].headers["content-type"] == "application/pdf"
    assert "authorization" not in upstream.seen[1].headers
    assert {request.headers.get("authorization") for request in upstream.seen} == {"Bearer access", None}
    wanted = {"type": "file", "name": "report.pdf", "object_name": "o/1", "file_id": ""}
    assert orjson.loads(upstream.seen[3].body) == wanted
    assert orjson.loads(upstream.seen[5].body) == {"ids": ["f1"]}
    assert found == Upload("f1", "report.pdf", len(PDF), "application/pdf", False, there)
    assert (classic.signs, classic.pauses) == (5, [0.2, 0.2])


def test_an_image_in_the_classic_dialect(classic: Bench) -> None:
    upstream = Upstream([place(file_id="i1"), ok(b""), json({"id": "i1", "status": "initialized"})])
    with Server(upstream) as server:
        found = classic.upload(server, blob(IMAGE, "a.png"))
    assert orjson.loads(upstream.seen[0].body) == {"action": "image", "name": "a.png"}
    assert orjson.loads(upstream.seen[2].body) == {"type": "image", "file_id": "i1", "name": "a.png"}
    assert (found.id, found.is_image, found.media) == ("i1", True, "image/png")


def test_a_file_in_the_connect_dialect(connect: Bench) -> None:
    upstream = Upstream([json({"file": {"id": "f1"}}), progress("PROCESSING"), progress("SUCCESS")])
    with Server(upstream) as server:
        found = connect.upload(server, blob(PDF, '年 "1".pdf'))
    head, _, rest = upstream.seen[0].body.partition(b"\r\n\r\n")
    boundary = upstream.seen[0].headers["content-type"].partition("boundary=")[2].encode()
    assert 'form-data; name="file"; filename="年 %221%22.pdf"' in head.decode()
    assert rest == PDF + b"\r\n--" + boundary + b"--\r\n"
    assert upstream.lines[1:] == ["POST /apiv2-files/kimi.gateway.file.v1.FileService/GetFileParseProgress"] * 2
    assert orjson.loads(upstream.seen[2].body) == {"file_ids": ["f1"]}
    assert found == Upload("f1", '年 "1".pdf', len(PDF), "application/pdf", False)
    assert connect.signs == 3


def test_a_file_can_be_given_to_one_account_after_the_other(connect: Bench) -> None:
    done = progress("SUCCESS")
    content, bodies = blob(PDF), []
    for _ in range(2):
        upstream = Upstream([json({"file": {"id": "f"}}), done])
        with Server(upstream) as server:
            connect.upload(server, content)
        bodies.append(upstream.seen[0].body.partition(b"\r\n\r\n")[2][: len(PDF)])
    assert bodies == [PDF, PDF] and content.content.tell() == 0


@pytest.mark.parametrize(
    "url",
    ["http://elsewhere.example/put", "http://127.0.0.1:1/put", "ftp://HERE/put", "//HERE/put", "https://", "http://["],
)
def test_bytes_go_over_https_or_to_the_upstream_itself(classic: Bench, url: str) -> None:
    with Server(Upstream([place(url)])) as server, pytest.raises(BrokenAnswer):
        classic.upload(server, blob(PDF))


FAILED = b'data: {"event":"resp","file_info":{"status":"failed"}}\n\n'


@pytest.mark.parametrize(
    ("kind", "answers", "message"),
    [
        (Kind.CLASSIC, [place(), ok(b""), json({"id": "f", "status": "failed"})], "could not be read by Kimi"),
        (Kind.CLASSIC, [place(), ok(b""), json({"id": "f", "status": "parsed"}), ok(FAILED, SSE)], "could not be read"),
        (Kind.CLASSIC, [json({"error_type": "file.type", "message": "?"}, "400 Bad Request")], "was not taken by Kimi"),
        (Kind.CLASSIC, [json({}, "413 Too Large")], "is larger than Kimi takes"),
        (Kind.CLASSIC, [place(), ok(b"")] + [json({"id": "f", "status": "pending"})] * 99, "was not read by Kimi with"),
        (Kind.KIMI, [json({"code": "invalid_argument", "message": "?"}, "400 Bad Request")], "was not taken by Kimi"),
        (
            Kind.KIMI,
            [json({"file": {"id": "f"}}), progress("FAILED")],
            "could not be read by Kimi",
        ),
        (
            Kind.KIMI,
            [json({"file": {"id": "f"}})] + [json({"progresses": []})] * 99,
            "was not read by Kimi within 30 s",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_said_of_the_file(
    transport: Transport, kind: Kind, answers: Sequence[Answer], message: str
) -> None:
    with Server(Upstream(list(answers))) as server, pytest.raises(FileRefused) as caught:
        Bench(kind, transport).upload(server, blob(PDF))
    assert str(caught.value).startswith(f'The file "report.pdf" {message}')
    assert caught.value.param == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("kind", "answers", "error"),
    [
        (Kind.CLASSIC, [json({"error_type": "auth.token.invalid"}, "401 No")], TokenRejected),
        (Kind.CLASSIC, [json({"error_type": "auth.token.invalid", "message": "?"})], TokenRejected),
        (Kind.CLASSIC, [json({}, "429 Slowly")], RateLimited),
        (Kind.CLASSIC, [json({}, "502 Bad Gateway")], UpstreamError),
        (Kind.CLASSIC, [ok(b"[]")], BrokenAnswer),
        (Kind.CLASSIC, [json({"object_name": "o"})], BrokenAnswer),
        (Kind.CLASSIC, [place(), json({}, "403 Expired")], BrokenAnswer),
        (Kind.CLASSIC, [place(), json({}, "500 Broken")], UpstreamError),
        (Kind.CLASSIC, [place(), ok(b""), json({"status": "parsed"})], BrokenAnswer),
        (Kind.KIMI, [json({"code": "unauthenticated", "message": "?"}, "401 No")], TokenRejected),
        (Kind.KIMI, [json({"code": "unauthenticated", "message": "?"})], TokenRejected),
        (Kind.CLASSIC, [json({}, "404 Moved Away")], BrokenAnswer),
        (Kind.KIMI, [json({"file": {}})], BrokenAnswer),
    ],
)
def test_what_is_wrong_with_the_account_or_the_upstream_is_never_the_file(
    transport: Transport, kind: Kind, answers: Sequence[Answer], error: type[KimiError]
) -> None:
    with Server(Upstream(list(answers))) as server, pytest.raises(error) as caught:
        Bench(kind, transport).upload(server, blob(PDF))
    assert not isinstance(caught.value, FileRefused)
    assert "signature" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (
            Kind.CLASSIC,
            [
                place(),
                ok(b""),
                json({"id": "f", "status": "new"}),
                json({"id": "f", "status": "parsed"}),
                ok(PARSED, SSE),
            ],
        ),
        (Kind.KIMI, [json({"file": {"id": "f"}}), progress("NEW"), progress("SUCCESS")]),
    ],
)
def test_a_status_that_nobody_knows_is_waited_out_and_told(
    transport: Transport, kind: Kind, answers: Sequence[Answer], caplog: pytest.LogCaptureFixture
) -> None:
    with Server(Upstream(list(answers))) as server:
        Bench(kind, transport).upload(server, blob(PDF))
    assert "status" in caplog.text and "new" in caplog.text.lower()


class Noting(Transport):
    """Notes through which proxy each request should go, and sends it there without."""

    def __init__(self) -> None:
        super().__init__()
        self.proxies: list[str | None] = []

    def stream(self, *args: Any, proxy: str | None = None, **options: Any) -> Any:
        self.proxies.append(proxy)
        return super().stream(*args, **options)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (Kind.CLASSIC, [place(), ok(b""), json({"id": "f", "status": "parsed"}), ok(PARSED, SSE)]),
        (Kind.KIMI, [json({"file": {"id": "f"}}), progress("SUCCESS")]),
    ],
)
def test_all_of_it_goes_through_the_accounts_proxy(kind: Kind, answers: Sequence[Answer]) -> None:
    noting = Noting()
    with Server(Upstream(list(answers))) as server:
        Bench(kind, noting, proxy="http://proxy:1").upload(server, blob(PDF))
    assert noting.proxies == ["http://proxy:1"] * len(answers)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
@pytest.mark.parametrize("content", [PDF, IMAGE], ids=["document", "image"])
def test_what_was_uploaded_can_be_asked_about(
    simulator: Simulator, transport: Transport, kind: Kind, content: bytes
) -> None:
    simulator.reset()
    minted = simulator.mint(kind=kind.value, name="alice")
    endpoints = Endpoints(simulator.url, simulator.url, simulator.url, simulator.url)
    account = Account(name="alice", kind=kind)
    token = Exchange(transport, endpoints).refresh(account, minted["refresh_token"]).access
    upstream = build(Line(transport, endpoints))[kind]
    assert isinstance(upstream, TakesFiles) and isinstance(upstream, KeepsChats)

    found = upstream.upload(blob(content, "a"), account, token, alive=lambda: None)
    chat = Chat(model="kimi", messages=(Message("user", "?"),), files=(found,))
    opened = [event.chat_id for event in said(upstream.stream(chat, account, token)) if isinstance(event, ChatOpened)]
    upstream.delete_chat(opened[0], account, token)

    assert simulator.account("alice")["uploads"] == 1


def test_where_a_place_is_only_the_resolver_of_the_gateway_is_asked() -> None:
    asked: list[str] = []

    def unknown(host: str, _port: int) -> list[str]:
        asked.append(host)
        raise TimeoutError

    told = Recorded(body=b'{"url": "https://elsewhere.example/put"}')
    upstream = build(Line(Replay(told), Endpoints()), unknown)[Kind.CLASSIC]
    assert isinstance(upstream, TakesFiles)
    with pytest.raises(BrokenAnswer, match="no https URL of a public host"):
        upstream.upload(blob(PDF), Account(name="a", kind=Kind.CLASSIC), "access", alive=lambda: None)
    assert asked[0] == "elsewhere.example"


def test_a_document_has_its_seconds_and_no_more_however_much_drips_in() -> None:
    clock = Clock()
    drips = Recorded(b": x\n\n" * 200, headers={"content-type": "text/event-stream"}, size=5)
    http = Replay(
        Recorded(b'{"url": "https://kimi.moonshot.cn/put", "object_name": "o"}'),
        Recorded(b""),
        Recorded(b'{"id": "f", "status": "parsed"}'),
        drips,
    )

    def second() -> None:
        clock.now += 1

    def pause(seconds: float) -> None:
        clock.now += seconds

    began = clock.now
    files = ClassicFiles(Line(http, Endpoints()), Polling(clock, pause))
    with pytest.raises(FileRefused, match="within 30 s"):
        files.upload(blob(PDF), Account(name="a", kind=Kind.CLASSIC), "access", second)
    assert clock.now - began < 40
    assert http.open == 0


def test_an_account_that_is_busy_is_no_fault_of_the_file(transport: Transport) -> None:
    busy = json({"error_type": "chat.user_stream_pushing", "message": "?"}, "400 Bad Request")
    with Server(Upstream([busy])) as server, pytest.raises(AccountBusy):
        Bench(Kind.CLASSIC, transport).upload(server, blob(PDF))
