from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from gateway.paths import CanonicalPaths, canonical

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


@Request.application
def echo(request: Request) -> Response:
    return Response(request.path)


def routed(asked: str, prefix: str = "") -> str:
    """The path that the routes see of a client's request line, in a server that was given the `prefix`."""
    path = unquote(asked.partition("?")[0]).removeprefix(prefix)
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": prefix, "PATH_INFO": path, "RAW_URI": asked}
    return b"".join(run_wsgi_app(CanonicalPaths(echo), environ)[0]).decode()


@pytest.mark.parametrize("name", ["/metrics", "/readyz"])
def test_what_needs_no_key_is_found_by_one_spelling(name: str) -> None:
    assert routed(name) == routed(f"{name}?a=b") == routed(f"/kimi{name}", "/kimi") == name
    others = [f"%{ord(sign):02x}" for sign in name]
    respelt = [name[:at] + other + name[at + 1 :] for at, other in enumerate(others)]
    for asked in (*respelt, "".join(others), f"{name}/", f"{name}%2F", f"/{name}", f"{name}#", f"http://host{name}"):
        assert routed(asked) != name, asked
    assert routed("/v1/%63hat/completions") == CHAT
