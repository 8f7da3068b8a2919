"""What is found of the ways to the upstreams."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest

from kimi.accounts import Account, Kind, Region, Sealed
from kimi.http import Endpoints, Transport
from kimi.operating import checks_upstreams
from kimi.operating.checks import Finding, Level
from kimi.operating.checks_upstreams import MOST, Way, ways
from tests.kimi.certificates import certify
from tests.kimi.loopback import Peer, Received, Server, refused_port

PROXY = "http://user:secret@127.0.0.1"


def found(*tried: Way) -> list[Finding]:
    return checks_upstreams.all_of(list(tried), Transport(), time.time, time.monotonic)


class Upstream:
    """Answers as it likes; its clock is `ahead` of ours by so many seconds."""

    def __init__(self, status: str = "403 No", ahead: float = 0.0, date: str = "") -> None:
        self.status = status
        self.ahead = ahead
        self.date = date
        self.seen: list[Received] = []

    def __call__(self, peer: Peer) -> None:
        self.seen.append(peer.request())
        date = self.date or formatdate(time.time() + self.ahead, usegmt=True)
        peer.send(f"HTTP/1.1 {self.status}\r\nDate: {date}\r\nContent-Length: 2\r\n\r\nno".encode())


def test_each_way_that_accounts_use_is_tried_once() -> None:
    accounts = [
        Account(name="a", kind=Kind.KIMI),
        Account(name="b", kind=Kind.KIMI),
        Account(name="c", kind=Kind.KIMI, proxy=f"{PROXY}:1"),
        Account(name="d", kind=Kind.KIMI, region=Region.GLOBAL),
        Account(name="e", kind=Kind.MOONSHOT),
        Account(name="f", kind=Kind.MOONSHOT, base_url="https://mirror.example/v1"),
        Account(name="g", kind=Kind.KIMI, proxy=Sealed("fernet:what no key opens")),
    ]
    assert [way.name for way in ways(accounts, Endpoints())] == [
        "www.kimi.com",
        "auth.kimi.com",
        "www.kimi.com through 127.0.0.1:1",
        "auth.kimi.com through 127.0.0.1:1",
        "www.kimi.ai",
        "auth.kimi.ai",
        "api.moonshot.cn",
        "mirror.example",
    ]


@pytest.mark.parametrize("status", ["200 OK", "403 No", "404 Not Found", "502 Bad Gateway"])
def test_any_answer_will_do_and_no_token_goes_out(status: str) -> None:
    upstream = Upstream(status)
    with Server(upstream) as server:
        way, clock = found(Way(f"{server.url}/"))
    assert (way.level, clock.level) == (Level.OK, Level.OK)
    assert status[:3] in way.seen
    (seen,) = upstream.seen
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("ahead", [3_600.0, -3_600.0])
def test_a_clock_that_is_wrong_is_seen_by_the_date_of_the_answer(ahead: float) -> None:
    with Server(Upstream(ahead=ahead)) as server:
        _, clock = found(Way(f"{server.url}/"))
    assert clock.level is Level.PROBLEM
    assert "NTP" in clock.advice


def test_a_date_that_is_none_tells_nothing() -> None:
    with Server(Upstream(date="yesterday")) as server:
        (way,) = found(Way(f"{server.url}/"))
    assert way.level is Level.OK


def test_who_cannot_be_reached_is_a_problem_that_shows_no_password() -> None:
    tried = [
        Way(f"http://127.0.0.1:{refused_port()}/"),
        Way("http://name.invalid/"),
        Way("http://upstream.example/", f"{PROXY}:{refused_port()}"),
    ]
    findings = found(*tried)
    assert [finding.level for finding in findings] == [Level.PROBLEM] * 3
    refused, unknown, behind = (finding.advice for finding in findings)
    assert "firewall" in refused
    assert "DNS" in unknown
    assert "look at the proxy" in behind
    assert "secret" not in f"{findings} {tried}"


def test_a_certificate_that_nobody_knows_is_a_problem(tmp_path: Path) -> None:
    certificate = certify(tmp_path / "certificate.pem", address="127.0.0.1")
    with Server(Upstream(), tls=certificate.server) as server:
        (way,) = found(Way(f"{server.url}/"))
    assert way.level is Level.PROBLEM
    assert "certificate" in way.advice


def test_of_very_many_ways_only_some_are_tried() -> None:
    with Server(Upstream()) as server:
        tried = [Way(f"{server.url}/", f"http://127.0.0.1:{server.port}/{number}") for number in range(MOST + 3)]
        findings = found(*tried)
    assert findings[-1].level is Level.WARNING
    assert findings[-1].seen.startswith("3 more")
