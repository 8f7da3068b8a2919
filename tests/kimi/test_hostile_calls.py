"""What short calls bring is bounded before it is kept, and no page of a server on the way condemns an account."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import orjson
import pytest

from kimi.accounts import Account, Kind
from kimi.chat import Chat, Message
from kimi.credentials import CredentialError, refresh_token, split
from kimi.errors import AccountDead, BrokenAnswer, KimiError, TokenRejected, UpstreamError
from kimi.exchange import Exchange
from kimi.http import MAX_BODY_BYTES, Answer, Endpoints
from kimi.upstreams import moonshot_reader
from kimi.upstreams.classic_files import ClassicFiles
from kimi.upstreams.connect_files import ConnectFiles
from kimi.upstreams.connect_models import ConnectModels
from kimi.upstreams.drift import Drift
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.places import may_be_put
from kimi.upstreams.registry import build
from tests.kimi.files.blobs import blob
from tests.kimi.files.samples import png
from tests.kimi.hostile import framed
from tests.kimi.replay import Recorded, Replay, as_json, broken

SECRET = "r0/opaque+secret=="
PAGE = {"content-type": "text/html"}
JSON = {"content-type": "application/json"}
PAIR = {"access_token": "A1", "refresh_token": "R1"}


def exchanged(kind: Kind, *answers: Recorded) -> KimiError:
    with pytest.raises(KimiError) as raised:
        Exchange(Replay(*answers), Endpoints()).refresh(Account(name="a", kind=kind), SECRET)
    return raised.value


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (PAGE, b"<html><h1>401 Authorization Required</h1></html>"),
        ({}, b"Unauthorized"),
        (JSON, b"[" * 100_000),
        (JSON, b'{"code": "unauthenticated"' + b" " * 100_000 + b"}"),
        (JSON, b'{"code": NaN}'),
        (JSON, b"null"),
        (JSON, b"\xff\xfe"),
        (JSON, b""),
        (JSON, b"{}"),
        (JSON, b'{"message": "Unauthorized"}'),
        (JSON, b'{"error": "invalid_token"}'),
        (JSON, b'{"error": {"message": "x"}}'),
        (JSON, b'{"code": 401, "msg": "login required"}'),
    ],
    ids=[
        *("page", "text", "depth", "length", "number", "null", "bytes"),
        *("nothing", "object", "gateway", "oauth", "unnamed", "portal"),
    ],
)
def test_what_kimi_does_not_say_kills_no_account(kind: Kind, status: int, headers: dict[str, str], body: bytes) -> None:
    error = exchanged(kind, Recorded(body, status, headers))

    assert isinstance(error, UpstreamError | TokenRejected)


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
@pytest.mark.parametrize(
    "body",
    [
        orjson.dumps({**PAIR, "access_token": "A" * 20_000}),
        orjson.dumps({**PAIR, "refresh_token": "R" * 20_000}),
        orjson.dumps({**PAIR, "refresh_token": "R\x1b[2J"}),
        orjson.dumps({**PAIR, "refresh_token": "R\u202e"}),
        orjson.dumps(PAIR) + b" " * MAX_BODY_BYTES,
        b'{"data":' * 100_000,
        b"\xef\xbb\xbf" + orjson.dumps(PAIR),
        orjson.dumps(PAIR)[:-1] + b', "x": "\\ud800"}',
        orjson.dumps(PAIR) * 2,
    ],
)
def test_no_token_is_stored_that_is_none(kind: Kind, body: bytes) -> None:
    assert isinstance(exchanged(kind, Recorded(body, 200, JSON)), BrokenAnswer)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [(Kind.KIMI, 401, AccountDead), (Kind.CLASSIC, 400, AccountDead), (Kind.CLASSIC, 500, UpstreamError)],
)
def test_a_token_that_is_said_again_is_not_told(kind: Kind, status: int, error: type[KimiError]) -> None:
    told = exchanged(kind, as_json({"code": "unauthenticated", "message": f"the token {SECRET} is bad"}, status))

    assert type(told) is error and SECRET not in str(told) and "[redacted]" in str(told)


def test_a_key_that_is_said_again_is_not_told() -> None:
    http = Replay(as_json({"error": {"type": "server_error", "message": f"key {SECRET} is bad"}}, 500))
    with pytest.raises(UpstreamError) as raised:
        Moonshot(Line(http, Endpoints())).list_models(Account(name="a", kind=Kind.MOONSHOT), SECRET)

    assert str(raised.value) == "500 server_error: key [redacted] is bad"


@pytest.mark.parametrize("kind", Kind)
def test_nor_is_it_inside_a_stream(kind: Kind) -> None:
    said = {"message": f"key {SECRET} is bad", "code": "internal", "type": "server_error"}
    if kind is Kind.CLASSIC:
        said["event"] = "error"
    stream = Recorded(framed(kind, orjson.dumps({"error": said} if kind is not Kind.CLASSIC else said)))
    http = Replay(*[as_json({"id": "chat-1"})] * (kind is Kind.CLASSIC), stream)
    upstream = build(Line(http, Endpoints()))[kind]
    chat = Chat(model="kimi-k2.6" if kind is Kind.MOONSHOT else "kimi", messages=(Message("user", "hi"),))
    _, raised = broken(upstream.stream(chat, Account(name="a", kind=kind), SECRET))

    assert SECRET not in str(raised) and "key [redacted] is bad" in str(raised)


def test_nor_where_it_is_spelled_in_escapes() -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in SECRET).encode()
    http = Replay(Recorded(b'{"error":{"type":"server_error","message":"key %b is bad"}}' % escaped, 500, JSON))
    with pytest.raises(UpstreamError) as raised:
        Moonshot(Line(http, Endpoints())).list_models(Account(name="a", kind=Kind.MOONSHOT), SECRET)

    assert str(raised.value) == "500 server_error: key [redacted] is bad"


@pytest.mark.parametrize("choice", ['{"delta":{"content":"x","KEY":1}}', '{"delta":{},"finish_reason":"KEY"}'])
def test_nor_is_it_as_a_name_or_a_reason(caplog: pytest.LogCaptureFixture, choice: str) -> None:
    key, drift, told = "q7w8e9r0t1y2u3i4o5p6a7s8d9f0g1h2-key", Drift(), ""
    try:
        moonshot_reader.Reader(drift, key).feed(b'data: {"choices":[%b]}\n\n' % choice.replace("KEY", key).encode(), [])
    except KimiError as error:
        told = str(error)

    (seen,) = drift.take()
    assert not any(key in text for text in (told, caplog.text, seen.name, seen.shape))


KEY = "acc7Zr9Q0kLmN2vXy4Tt8Ww1Aa"  # short, and of no known form
NAMES: Sequence[object] = [
    "kimi-k2.6",
    "a b",
    "a\nb",
    "\x1b[2J",
    "\u202ex",
    "x" * 129,
    "",
    None,
    7,
    ["a"],
    "Qwen/Qwen3:8b",
    "<img/src=x/onerror=alert(1)>",
    'a"}\\nx{y="',
    KEY,
    KEY[4:20],
    f"kimi/{KEY}",
    "sk-proj-1234567890",
    "org-1234567890",
    "eyJhbGciOi.eyJzdWIi.c2ln",
]


def test_names_of_models_are_names_and_tell_nothing_of_the_key() -> None:
    listed = as_json({"data": [*({"id": name} for name in NAMES), [], None, "x"]})
    models = Moonshot(Line(Replay(listed), Endpoints())).list_models(Account(name="a", kind=Kind.MOONSHOT), KEY)

    assert models == ("kimi-k2.6", "Qwen/Qwen3:8b")


def test_there_are_not_more_models_than_anybody_has() -> None:
    official = Line(Replay(as_json({"data": [{"id": f"m{n}"} for n in range(5_000)]})), Endpoints())
    assert len(Moonshot(official).list_models(Account(name="a", kind=Kind.MOONSHOT), "k")) == 1_000
    rows = [{"scenario": f"SCENARIO_{n}"} for n in range(5_000)]
    web = Line(Replay(as_json({"availableModels": [*rows, {"scenario": "SCENARIO_../x"}]})), Endpoints())
    assert len(ConnectModels(web).list_models(Account(name="a", kind=Kind.KIMI), "t")) == 500


@pytest.mark.parametrize("part", [b"[],", b"{},", b'{"a":[]},'])
def test_a_short_answer_has_a_bounded_number_of_parts(part: bytes) -> None:
    assert Answer(200, {}, b'{"x":[%b1]}' % (part * 40_000)).json()
    with pytest.raises(BrokenAnswer, match="parts"):
        Answer(200, {}, b'{"x":[%b1]}' % (part * 100_000)).json()


@pytest.mark.parametrize("file_id", ["a b", "a\nb", "x" * 257, "\u202e", "", 7, None])
def test_the_id_of_a_file_is_one(file_id: object) -> None:
    http = Replay(as_json({"file": {"id": file_id}}))
    with pytest.raises(BrokenAnswer):
        ConnectFiles(Line(http, Endpoints())).upload(blob(png()), Account(name="a", kind=Kind.KIMI), "t", int)


def test_of_a_file_no_more_is_kept_than_a_few_short_values() -> None:
    made = {"id": "f1", "status": "parsed", "long": "x" * 1_000, "url": "https://a.example", "k" * 1_000: 1}
    many = {f"n{number}": number for number in range(1_000)}
    place = {"url": "https://put.example/x", "file_id": "f1"}
    http = Replay(as_json(place), Recorded(), as_json(made | many))
    files = ClassicFiles(Line(http, Endpoints()), resolver=lambda *_: ["93.184.216.34"])
    upload = files.upload(blob(png()), Account(name="a", kind=Kind.CLASSIC), "t", int)

    assert upload.id == "f1" and upload.detail.keys() >= {"id", "status", "n0"}
    assert len(upload.detail) <= 64 and upload.detail.keys().isdisjoint({"long", "url", "k" * 1_000})
    put = http.calls[1]
    assert put.url == "https://put.example/x" and "authorization" not in put.headers


ADDRESSES = {
    "public.example": ["93.184.216.34"],
    "inside.example": ["10.0.0.7"],
    "both.example": ["93.184.216.34", "169.254.169.254"],
    "kimi.example": ["93.184.216.34"],
    "kimi.lan": ["10.0.0.1"],
}


def looked_up(host: str, _port: int) -> Sequence[str]:
    if host not in ADDRESSES:
        raise OSError
    return ADDRESSES[host]


@pytest.mark.parametrize(
    ("url", "base", "allowed"),
    [
        ("https://public.example/put?signature=s", "https://kimi.example", True),
        ("https://93.184.216.34/put", "https://kimi.example", True),
        ("https://kimi.example/put", "https://kimi.example", True),
        ("http://public.example/put", "https://kimi.example", False),
        ("https://inside.example/put", "https://kimi.example", False),
        ("https://both.example/put", "https://kimi.example", False),
        ("https://unknown.example/put", "https://kimi.example", False),
        ("https://inside.example/put", "https://unknown.example", False),
        ("https://169.254.169.254/latest", "https://kimi.example", False),
        ("https://[::1]/", "https://kimi.example", False),
        ("https://[::ffff:10.0.0.1]/", "https://kimi.example", False),
        ("https://2130706433/", "https://kimi.example", False),
        ("https://0x7f.1/", "https://kimi.example", False),
        ("https://localhost/", "https://kimi.example", False),
        ("https://redis:6379/", "https://kimi.example", False),
        ("https://public.example:6379/", "https://kimi.example", False),
        ("https://kimi.example@inside.example/", "https://kimi.example", False),
        ("https://inside.example\\@public.example/", "https://kimi.example", False),
        ("https://public.example/\r\nX: y", "https://kimi.example", False),
        ("file:///etc/passwd", "https://kimi.example", False),
        ("https://[", "https://kimi.example", False),
        ("http://127.0.0.1:1/put", "http://127.0.0.1:1", True),
        ("http://127.0.0.1:2/put", "http://127.0.0.1:1", False),
        ("https://127.0.0.1:2/put", "http://127.0.0.1:1", True),
        ("https://inside.example/put", "https://kimi.lan", True),
    ],
)
def test_a_file_is_put_to_public_places_or_to_the_upstream_itself(url: str, base: str, allowed: bool) -> None:
    assert may_be_put(url, base, is_proxied=False, resolver=looked_up) is allowed


@pytest.mark.parametrize(
    ("url", "allowed"),
    [("https://only.the.proxy.knows/", True), ("https://10.0.0.1/", False), ("https://printer.local/", False)],
)
def test_behind_a_proxy_no_name_is_looked_up(url: str, allowed: bool) -> None:
    def never(*_: object) -> Sequence[str]:
        raise AssertionError

    assert may_be_put(url, "https://kimi.example", is_proxied=True, resolver=never) is allowed


@pytest.mark.parametrize("opening", ['{"a":', '{"refresh_token":', '["', '"'])
def test_a_credential_of_any_depth_is_judged(opening: str) -> None:
    with pytest.raises(CredentialError):
        refresh_token(opening * 50_000)
    with suppress(CredentialError):
        split(opening * 50_000)
