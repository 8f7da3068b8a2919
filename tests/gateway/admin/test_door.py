"""Signing in to the admin page, and who is let in without."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from gateway.admin.door import COOKIE
from gateway.server.environ_keys import SERVED
from kimi.pool import Store
from tests.gateway.admin.desks import BEARER, Office
from tests.gateway.fakes import KEY, House
from tests.timing import within


def code(reply: TestResponse) -> tuple[int, str]:
    return reply.status_code, reply.get_json()["error"]["code"]


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/api/session", "/admin/static/app.js", "/admin/x/y"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_without_an_admin_key_there_is_nothing_and_the_answer_says_how_to_turn_it_on(path: str, method: str) -> None:
    reply = House().client.open(path, method=method, headers=BEARER)
    assert code(reply) == (404, "not_found")
    assert "GATEWAY_ADMIN_KEY" in reply.get_json()["error"]["message"]


def test_whoever_signs_in_gets_a_cookie_that_scripts_cannot_read(office: Office) -> None:
    reply = office.sign_in()
    assert reply.status_code == 200
    assert set(reply.get_json()) == {"csrf", "expires"}
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/admin", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie
    assert office.page("GET", "/session").get_json()["csrf"] == office.csrf


def test_behind_https_the_cookie_goes_nowhere_else(office: Office) -> None:
    assert "Secure" in office.sign_in(base_url="https://localhost").headers["set-cookie"]


def test_a_wrong_key_signs_nobody_in(office: Office) -> None:
    reply = office.sign_in("wrong")
    assert code(reply) == (401, "invalid_admin_key")
    assert "set-cookie" not in reply.headers
    assert code(office.page("GET", "/session")) == (401, "invalid_admin_key")


def test_keys_of_clients_open_nothing(office: Office) -> None:
    assert code(office.api("DELETE", "/session", headers={"Authorization": f"Bearer {KEY}"})) == (
        401,
        "invalid_admin_key",
    )


@pytest.mark.parametrize("headers", [BEARER, {"Authorization": "", "x-api-key": BEARER["Authorization"][7:]}])
def test_a_program_sends_the_key_itself_and_needs_no_token(office: Office, headers: dict[str, str]) -> None:
    assert office.api("DELETE", "/session", headers=headers).status_code == 204


def test_the_worker_is_told_that_an_operator_is_no_stranger(office: Office) -> None:
    told: list[bool] = []
    office.page("GET", "/audit", environ_overrides={SERVED: lambda: told.append(True)})
    assert told == []
    office.api("GET", "/audit", environ_overrides={SERVED: lambda: told.append(True)})
    assert told == [True]


def test_a_program_has_no_session(office: Office) -> None:
    assert code(office.api("GET", "/session")) == (401, "invalid_admin_key")


@pytest.mark.parametrize("token", ["", "wrong", "0" * 64])
def test_the_page_shows_with_every_change_that_it_is_the_page(office: Office, token: str) -> None:
    office.sign_in()
    assert code(office.page("DELETE", "/session", headers={"x-csrf-token": token})) == (403, "csrf_failed")
    assert office.page("GET", "/session").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_what_another_site_or_port_sends_is_refused(office: Office, site: str) -> None:
    office.sign_in()
    elsewhere = {"sec-fetch-site": site}
    assert code(office.page("DELETE", "/session", headers=elsewhere)) == (403, "csrf_failed")
    assert code(office.page("GET", "/session", headers=elsewhere)) == (403, "csrf_failed")
    assert code(office.sign_in(headers=elsewhere)) == (403, "csrf_failed")
    assert office.page("GET", "/session", headers={"sec-fetch-site": "none"}).status_code == 200
    assert office.page("DELETE", "/session", headers={"sec-fetch-site": "same-origin"}).status_code == 204


@pytest.mark.parametrize("others", ["a=b;" * 16_000, 'a="' + r"\101" * 16_000 + '";', " " * 65_000, ";" * 65_000])
def test_the_cookie_is_found_soon_among_endless_others(office: Office, others: str) -> None:
    mine = office.sign_in().headers["set-cookie"].partition(";")[0]
    browser = office.house.app.test_client(use_cookies=False)
    for cookies, status in ((f"{others}; {mine}", 200), (f"{mine}; {others}", 200), (others, 401)):
        with within(0.5):
            assert browser.get("/admin/api/session", headers={"cookie": cookies.strip()}).status_code == status


@pytest.mark.parametrize("name", [f"not_{COOKIE}", f"{COOKIE}_not", COOKIE.upper(), f"a={COOKIE}"])
def test_what_is_called_otherwise_is_no_session(office: Office, name: str) -> None:
    token = office.sign_in().headers["set-cookie"].partition(";")[0].partition("=")[2]
    browser = office.house.app.test_client(use_cookies=False)
    assert code(browser.get("/admin/api/session", headers={"cookie": f"{name}={token}"})) == (401, "invalid_admin_key")


def test_who_signs_out_is_out_wherever_the_cookie_is(office: Office) -> None:
    reply = office.sign_in()
    token = reply.headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert "Max-Age=0" in office.page("DELETE", "/session").headers["set-cookie"]
    office.browser.set_cookie(COOKIE, token, path="/admin")
    assert code(office.page("GET", "/session")) == (401, "invalid_admin_key")


def test_who_came_and_went_is_in_the_audit_log(office: Office) -> None:
    office.sign_in("wrong")
    office.sign_in()
    office.page("DELETE", "/session")
    entries = office.api("GET", "/audit").get_json()["entries"]
    assert [(entry["action"], entry["who"]) for entry in entries] == [
        ("sign out", "admin page"),
        ("sign in", "admin page"),
    ]


def test_another_replica_knows_who_is_signed_in(office: Office, store: Store) -> None:
    token = office.sign_in().headers["set-cookie"].partition(";")[0].partition("=")[2]
    other = Office(store)
    other.browser.set_cookie(COOKIE, token, path="/admin")
    assert other.page("GET", "/session").get_json()["csrf"] == office.csrf


def test_another_admin_key_ends_all_sessions(office: Office, store: Store) -> None:
    token = office.sign_in().headers["set-cookie"].partition(";")[0].partition("=")[2]
    other = Office(store, key="another-key")
    other.browser.set_cookie(COOKIE, token, path="/admin")
    assert code(other.page("GET", "/session")) == (401, "invalid_admin_key")


def test_the_fifth_wrong_key_is_one_too_many(office: Office) -> None:
    for _ in range(4):
        assert office.sign_in("wrong").status_code == 401
    reply = office.sign_in("wrong")
    assert code(reply) == (429, "too_many_wrong_keys")
    assert reply.headers["retry-after"] == "1"
    assert office.sign_in().status_code == 429
    assert office.api("DELETE", "/session").status_code == 429


def test_the_log_tells_once_a_pause_where_somebody_guesses(office: Office) -> None:
    with capture_logs() as logs:
        for _ in range(5):
            office.sign_in("a-guess")
        office.sign_in()
    told = [line for line in logs if line["event"] == "too many wrong admin keys"]
    assert told == [
        {"event": "too many wrong admin keys", "log_level": "warning", "address": "127.0.0.1", "seconds": 1.0}
    ]
    assert "a-guess" not in str(logs)


def test_wrong_bearers_and_wrong_sign_ins_add_up_over_replicas(office: Office, store: Store) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert [office.api("GET", "/session", headers=wrong).status_code for _ in range(2)] == [401, 401]
    other = Office(store)
    assert [other.sign_in("wrong").status_code for _ in range(2)] == [401, 401]
    assert office.api("GET", "/session", headers=wrong).status_code == 429


def test_who_is_signed_in_does_not_wait_for_what_others_at_the_address_do(office: Office) -> None:
    office.sign_in()
    for _ in range(5):
        office.api("GET", "/session", headers={"Authorization": "Bearer wrong"})
    assert office.page("GET", "/session").status_code == 200


def test_without_redis_nobody_signs_in_and_bearers_are_counted_here(cut_off: Store) -> None:
    office = Office(cut_off)
    assert code(office.sign_in()) == (503, "store_unavailable")
    assert office.api("DELETE", "/session").status_code == 204
    wrong = {"Authorization": "Bearer wrong"}
    codes = [office.api("DELETE", "/session", headers=wrong).status_code for _ in range(5)]
    assert codes == [401, 401, 401, 401, 429]
    assert office.api("DELETE", "/session").status_code == 429
    office.clock.advance(1)
    assert office.api("DELETE", "/session").status_code == 204


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "key"),
        ({"key": 7}, "key"),
        ({"key": "x", "user": "y"}, "user"),
    ],
)
def test_bodies_say_what_they_have_to(office: Office, body: dict[str, object], param: str) -> None:
    reply = office.browser.post("/admin/api/session", json=body)
    assert code(reply) == (400, "invalid_value")
    assert reply.get_json()["error"]["param"] == param


def test_strangers_send_no_large_bodies(office: Office) -> None:
    assert code(office.sign_in("x" * 5_000)) == (413, "request_too_large")


def forwarded(*addresses: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(addresses)}


def test_behind_proxies_wrong_keys_are_counted_where_they_come_from(store: Store) -> None:
    office = Office(store, proxies=1)
    for number in range(5):
        office.sign_in("wrong", headers=forwarded(f"198.51.100.{number}", "192.0.2.1"))
    assert code(office.sign_in(headers=forwarded("192.0.2.1"))) == (429, "too_many_wrong_keys")
    assert office.sign_in(headers=forwarded("192.0.2.1", "192.0.2.2")).status_code == 200
    entries = office.api("GET", "/audit", headers=forwarded("192.0.2.2")).get_json()["entries"]
    assert [entry["address"] for entry in entries] == ["192.0.2.2"]


def test_without_proxies_nobody_chooses_where_he_is_counted(office: Office) -> None:
    for number in range(5):
        office.sign_in("wrong", headers=forwarded(f"192.0.2.{number}"))
    assert code(office.sign_in(headers=forwarded("192.0.2.9"))) == (429, "too_many_wrong_keys")
