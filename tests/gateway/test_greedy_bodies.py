"""Bodies that are small to send and large to understand: each is a clear 400, and soon."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import orjson
import pytest

from gateway.errors import BadRequest
from gateway.surfaces.event_source import FORM_BYTES, question
from gateway.surfaces.json_body import MOST_VALUES_OF_A_BODY, json_object
from tests.gateway.fakes import AUTHORIZED, House
from tests.timing import within

SECONDS = 1.0
"""Of the worker's one thread; alone none takes half of it."""
HI = b'"messages":[{"role":"user","content":"hi"}]'
PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses", "/chat/kimi")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="message"%b\r\n\r\nhi\r\n--x--'
MEGABYTE = 1 << 20


def nested(depth: int, begin: bytes, end: bytes, inside: bytes = b"1") -> bytes:
    return begin * depth + inside + end * depth


def with_field(name: bytes, value: bytes) -> bytes:
    return b'{"model":"kimi",%b,"%b":%b}' % (HI, name, value)


def tool(parameters: bytes) -> bytes:
    return with_field(b"tools", b'[{"type":"function","function":{"name":"f","parameters":%b}}]' % parameters)


def form(schema: bytes) -> bytes:
    return with_field(b"response_format", b'{"type":"json_schema","json_schema":{"name":"x","schema":%b}}' % schema)


def listed(item: bytes, count: int) -> bytes:
    return b"[" + b",".join([item] * count) + b"]"


BROKEN: dict[str, Callable[[], bytes]] = {
    "lists that never end": lambda: b"[" * (10 * MEGABYTE),
    "objects that never end": lambda: b'{"a":' * (2 * MEGABYTE),
    "deep messages": lambda: b'{"model":"kimi","messages":%b}' % nested(900, b"[", b"]"),
    "deep content": lambda: b'{"model":"kimi","messages":[{"role":"user","content":%b}]}' % nested(900, b"[", b"]"),
    "deep tools": lambda: tool(nested(900, b'{"a":', b"}")),
    "deep schema": lambda: form(nested(900, b'{"a":', b"}")),
    "deep metadata": lambda: with_field(b"metadata", nested(900, b"[", b"]")),
    "deeper than anybody reads": lambda: with_field(b"metadata", nested(100_000, b"[", b"]")),
    "many lists": lambda: with_field(b"metadata", listed(b"[]", 3_000_000)),
    "many numbers": lambda: with_field(b"metadata", listed(b"1", 5_000_000)),
    "many texts": lambda: with_field(b"metadata", listed(b'"a,"', 2_000_000)),
    "many keys": lambda: with_field(b"metadata", b"{%b}" % b",".join(b'"%d":1' % number for number in range(300_000))),
    "many messages": lambda: b'{"model":"kimi","messages":%b}' % listed(b'{"role":"user","content":"x"}', 200_000),
    "a huge exponent": lambda: with_field(b"temperature", b"1e400"),
    "a huge exponent where a count stands": lambda: with_field(b"max_tokens", b"1e400"),
    "many digits": lambda: with_field(b"max_tokens", b"9" * 100_000),
    "no number": lambda: with_field(b"temperature", b"NaN"),
    "infinity": lambda: with_field(b"temperature", b"-Infinity"),
    "backslashes": lambda: b'{"model":"kimi","messages":[{"role":"user","content":"\\u0020' + b"\\\\" * (5 * MEGABYTE),
    "many cut emoji": lambda: with_field(b"user", b'"%b"' % (rb"\ud83d" * MEGABYTE)),
    "a mark of the byte order": lambda: b"\xef\xbb\xbf" + with_field(b"n", b"1"),
    "UTF-16": lambda: with_field(b"n", b"1").decode().encode("utf-16"),
    "NUL": lambda: b"\x00" * 100,
    "NUL behind it": lambda: with_field(b"n", b"1") + b"\x00",
    "bytes that are no UTF-8": lambda: with_field(b"user", b'"\xff"'),
    "a surrogate in UTF-8": lambda: with_field(b"user", b'"\xed\xa0\x80"'),
}


@pytest.fixture(scope="module")
def house() -> House:
    return House()


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    with within(SECONDS):
        yield


@pytest.mark.parametrize("made", BROKEN.values(), ids=BROKEN)
def test_a_clear_400_and_soon(house: House, made: Callable[[], bytes]) -> None:
    reply = house.client.post(PATHS[0], data=made(), headers=AUTHORIZED)
    assert reply.status_code == 400
    assert reply.json is not None
    assert reply.json["error"]["code"] in {"invalid_json", "invalid_value", "invalid_schema"}


@pytest.mark.parametrize("path", PATHS[1:])
@pytest.mark.parametrize("name", ["deep metadata", "many messages", "UTF-16"])
def test_wherever_it_is_sent(house: House, path: str, name: str) -> None:
    assert house.client.post(path, data=BROKEN[name](), headers=AUTHORIZED).status_code == 400


@pytest.mark.parametrize(
    ("path", "name", "reason"),
    [
        ("/v1/chat/completions", b"messages", b"maximum context length"),
        ("/v1/completions", b"prompt", b"one prompt to a request"),
        ("/v1/messages", b"messages", b"prompt is too long"),
        ("/v1/responses", b"input", b"maximum context length"),
    ],
)
def test_as_many_messages_as_there_may_be_are_counted_in_time(
    house: House, path: str, name: bytes, reason: bytes
) -> None:
    messages = listed(b'{"role":"user","content":"x"}', MOST_VALUES_OF_A_BODY // 4)
    reply = house.client.post(
        path, data=b'{"model":"kimi","max_tokens":9,"%b":%b}' % (name, messages), headers=AUTHORIZED
    )
    assert reply.status_code == 400
    assert reason in reply.data


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (URLENCODED, b"a&" * 200_000),
        (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 10_000),
    ],
    ids=["pairs", "parts"],
)
def test_forms_of_many_fields_are_refused(house: House, kind: str, body: bytes) -> None:
    reply = house.client.post("/chat/kimi", data=body, headers={**AUTHORIZED, "Content-Type": kind})
    assert reply.status_code == 400
    assert reply.json is not None and reply.json["error"]["code"] == "invalid_form"


GREEDY_FORMS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "escapes": (URLENCODED, lambda size: b"message=a" + b"%" * size),
    "lines before the parts": (MULTIPART, lambda size: b"\r\n" * (size // 2) + PART % b""),
    "headers of a part": (MULTIPART, lambda size: PART % (b"\r\nX: y" * (size // 6))),
    "parameters of a header": (MULTIPART, lambda size: PART % (b"; a=b" * (size // 5))),
}


@pytest.mark.parametrize(("kind", "made"), GREEDY_FORMS.values(), ids=GREEDY_FORMS)
def test_forms_are_bounded_before_they_are_read(house: House, kind: str, made: Callable[[int], bytes]) -> None:
    headers = {**AUTHORIZED, "Content-Type": kind}
    assert house.client.post("/chat/kimi", data=made(10 * MEGABYTE), headers=headers).status_code == 413


@pytest.mark.parametrize(("kind", "made"), GREEDY_FORMS.values(), ids=GREEDY_FORMS)
def test_the_largest_forms_are_read_in_time(kind: str, made: Callable[[int], bytes]) -> None:
    asked = question(made(FORM_BYTES), kind, {})
    assert str(asked.messages[0].content)[:1] in {"a", "h"}


def test_the_largest_form_takes_little_memory() -> None:
    kind, made = GREEDY_FORMS["escapes"]
    tracemalloc.start()
    try:
        question(made(FORM_BYTES // 4), kind, {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEGABYTE  # a quarter of what the largest one takes: to measure it takes time


def test_of_keys_that_come_twice_the_last_one_counts() -> None:
    assert json_object(b'{"model":"a","model":"b"}') == {"model": "b"}


def test_a_text_may_hold_what_looks_like_values() -> None:
    text = ",[{" * MOST_VALUES_OF_A_BODY + '"\\'
    assert json_object(orjson.dumps({"a": text})) == {"a": text}


@pytest.mark.parametrize("shift", range(7))
def test_texts_end_where_they_do_wherever_a_body_is_cut_to_be_counted(shift: int) -> None:
    items = [',[{"\\', "\\", '"'] * (MOST_VALUES_OF_A_BODY // 5)
    raw = b" " * shift + orjson.dumps({"a": items})
    assert json_object(raw) == {"a": items}
    with pytest.raises(BadRequest):
        json_object(raw.replace(b"]", b",1" * (MOST_VALUES_OF_A_BODY // 2) + b"]"))


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        (rb"\ud83d", "\ufffd"),
        (rb"\uDE00x", "\ufffdx"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (rb"\\ud83d\ud83d", "\\ud83d\ufffd"),
        (rb"\\\ud83d", "\\\ufffd"),
        (rb"\n\u00e4\"\ud800\\", '\n\u00e4"\ufffd\\'),
    ],
)
def test_half_an_emoji_is_a_mark_and_all_else_stays(escaped: bytes, meant: str) -> None:
    assert json_object(b'{"a":"%b"}' % escaped) == {"a": meant}


def test_what_is_broken_beside_it_is_broken() -> None:
    with pytest.raises(BadRequest):
        json_object(rb'{"a":"\ud83d\x"}')
