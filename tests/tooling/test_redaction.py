"""What is left of a recording that others may see."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.redaction import redact


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ1MSJ9.c2ln",
        "sk-abcdef123456",
        "org-0123456789abcdef",
        "ak-0123456789",
        "li.wei+kimi@example.com.cn",
        "13800138000",
        "+8613800138000",
        "+44 20 7946 0958",
        "device-7701",
    ],
)
def test_secrets_vanish_and_nothing_moves(secret: str) -> None:
    data = orjson.dumps(
        {"message": f"月亮 {secret}。", "n": 1_800_000_000, "id": "19a0c0de-1111-8000-8000-00000000c0de"}
    )
    redacted = redact(data, ["device-7701"])

    assert secret.encode() not in redacted
    assert len(redacted) == len(data)
    assert orjson.loads(redacted).items() >= {"n": 1_800_000_000, "id": "19a0c0de-1111-8000-8000-00000000c0de"}.items()


@pytest.mark.parametrize(
    "name",
    [
        "user_id",
        "userId",
        "nickname",
        "phoneNumber",
        "access_token",
        "refreshToken",
        "deviceId",
        "spaceId",
        "avatar_url",
    ],
)
@given(value=st.one_of(st.text(max_size=20), st.integers(100_000, 2**53)))
def test_what_names_a_person_vanishes_and_the_json_stays(name: str, value: str | int) -> None:
    data = orjson.dumps({"a": {name: value}, "text": "fine"})
    redacted = redact(data)

    assert len(redacted) == len(data)
    found = orjson.loads(redacted)
    assert found["text"] == "fine"
    assert not set(str(found["a"][name])) - set("x1é某🙂")


def test_the_signature_of_a_url_vanishes_and_its_place_stays() -> None:
    url = "https://files.example/a.pdf?X-Signature=c2VjcmV0&Expires=1800000000"
    assert redact(f'{{"url":"{url}"}}'.encode()).startswith(b'{"url":"https://files.example/a.pdf?X-Xxxxxxxxx='.lower())
    assert redact(b'"https://example.com/?q=moon"') == b'"https://example.com/?q=moon"'


@given(st.binary(max_size=200))
def test_broken_bytes_are_redacted_as_well(data: bytes) -> None:
    assert len(redact(b'{"nickname":"' + data + b'"}')) == len(data) + 15
