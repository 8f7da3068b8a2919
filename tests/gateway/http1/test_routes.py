from __future__ import annotations

import pytest

from gateway.http1.routes import route, split


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.invalid", ("http://a.invalid", "/")),
        ("http://a.invalid/", ("http://a.invalid", "/")),
        ("https://a.invalid:8443/b/c?d=/e#f", ("https://a.invalid:8443", "/b/c?d=/e")),
        ("http://a.invalid?b=c/d", ("http://a.invalid", "/?b=c/d")),
        ("http://[::1]:80/x", ("http://[::1]:80", "/x")),
        ("http://a.invalid/a b/你%20?q=é", ("http://a.invalid", "/a%20b/%E4%BD%A0%20?q=%C3%A9")),
        ("http://a.invalid/!$&'()*+,;=:@~-._[]", ("http://a.invalid", "/!$&'()*+,;=:@~-._[]")),
    ],
)
def test_a_url_is_an_origin_and_a_target(url: str, expected: tuple[str, str]) -> None:
    assert split(url) == expected


@pytest.mark.parametrize(
    ("origin", "host", "port", "said"),
    [
        ("http://a.invalid", "a.invalid", 80, "a.invalid"),
        ("https://a.invalid:443", "a.invalid", 443, "a.invalid"),
        ("https://a.invalid:80", "a.invalid", 80, "a.invalid:80"),
        ("http://[::1]:8080", "::1", 8080, "[::1]:8080"),
        ("http://A.Invalid", "a.invalid", 80, "a.invalid"),
    ],
)
def test_a_host_is_named_with_its_port_where_that_is_unusual(origin: str, host: str, port: int, said: str) -> None:
    way = route(origin, None)
    assert (way.host, way.port, way.headers, way.prefix) == (host, port, {"Host": said}, "")


def test_there_is_one_route_to_each_place() -> None:
    assert route("http://a.invalid", None) is route("http://a.invalid", None)
    assert route("http://a.invalid", None) != route("http://a.invalid", "http://proxy.invalid")


def test_an_http_proxy_is_told_where_to_go_with_each_plain_request() -> None:
    way = route("http://a.invalid", "http://user:p%40ss@proxy.invalid")
    assert way.prefix == "http://a.invalid"
    assert way.headers == {"Host": "a.invalid", "Proxy-Authorization": "Basic dXNlcjpwQHNz"}
    assert way.proxy and way.proxy.port == 80


@pytest.mark.parametrize(
    ("origin", "proxy"),
    [("https://a.invalid", "http://user:pass@proxy.invalid:1"), ("http://a.invalid", "socks5h://user:pass@b.invalid")],
)
def test_no_host_is_told_of_a_proxy(origin: str, proxy: str) -> None:
    way = route(origin, proxy)
    assert (way.prefix, way.headers) == ("", {"Host": "a.invalid"})
    assert way.proxy and (way.proxy.user, way.proxy.password) == ("user", "pass")
    assert "pass" not in repr(way)


@pytest.mark.parametrize("origin", ["ftp://a.invalid", "http://", "http://a:b:c", "http://user:pass@a.invalid"])
def test_what_is_no_address_of_a_server_is_refused(origin: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (urllib3's words, or ours)
        route(origin, None)


@pytest.mark.parametrize("proxy", ["socks4://a.invalid", "ftp://a.invalid", "http://", "http://a:b:c"])
def test_what_is_no_address_of_a_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (urllib3's words, or ours)
        route("http://a.invalid", proxy)
