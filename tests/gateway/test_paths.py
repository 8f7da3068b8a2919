from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paths import canonical

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (CHAT, CHAT),
        ("/chat/completions", CHAT),
        ("/v1/v1/chat/completions", CHAT),
        ("/v1/v1/v1/chat/completions/", CHAT),
        ("//v1//chat///completions//", CHAT),
        ("/chat/completions/", CHAT),
        ("/v1/chat/completitions", CHAT),
        ("/chat/completitions", CHAT),
        ("/completions", "/v1/completions"),
        ("/v1/v1/completions/", "/v1/completions"),
        ("/messages", "/v1/messages"),
        ("/v1/v1/messages/count_tokens/", "/v1/messages/count_tokens"),
        ("/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/models/kimi-search", "/v1/models/kimi-search"),
        ("/v1/v1/models/a/b", "/v1/models/a/b"),
        ("/dashboard/billing/usage", "/v1/dashboard/billing/usage"),
        ("/v1//dashboard/billing/subscription/", "/v1/dashboard/billing/subscription"),
        ("/healthz/", "/healthz"),
        ("/readyz", "/readyz"),
        ("/readyz/", "/readyz/"),
        ("//readyz", "/readyz/"),
        ("/metrics//", "/metrics/"),
        ("", "/"),
        ("/", "/"),
        ("///", "/"),
        ("healthz", "/healthz"),
        ("/v1", "/v1"),
        ("/v1/", "/v1"),
        ("/v1/healthz", "/v1/healthz"),
        ("/v10/models", "/v10/models"),
        ("/v1models", "/v1models"),
        ("/modelsx", "/modelsx"),
        ("/chat/kimi", "/chat/kimi"),
        ("/admin//api/", "/admin/api"),
    ],
)
def test_every_spelling_leads_to_one_path(path: str, expected: str) -> None:
    assert canonical(path) == expected


@given(st.text(alphabet="/v1chatmodels ."))
def test_a_canonical_path_stays_as_it_is(path: str) -> None:
    once = canonical(path)
    assert canonical(once) == once
    assert once.startswith("/") and "//" not in once
