"""The files of the admin page, and the headers of all below it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Flask

from gateway.admin.pages import blueprint, files
from tests.gateway.admin.desks import Office
from tests.gateway.fakes import House

HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>" + " " * 2_000)
    (tmp_path / "parts/app.js").write_text("'use strict';")
    (tmp_path / "notes.txt").write_text("not for the page")
    return tmp_path


def test_files_are_read_with_what_a_browser_has_to_know_of_them(folder: Path) -> None:
    found = files(folder)
    assert set(found) == {"index.html", "parts/app.js"}
    page = found["index.html"]
    assert page.kind == "text/html; charset=utf-8"
    assert gzip.decompress(page.packed) == page.content
    assert found["parts/app.js"].packed == b""  # it would not be smaller


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert files(tmp_path / "nowhere") == {}


def test_the_page_is_sent_once_and_packed_for_those_who_take_that(folder: Path) -> None:
    house = House()
    app: Flask = house.app
    app.register_blueprint(blueprint(files(folder)), url_prefix="/test")
    client = app.test_client()
    plain = client.get("/test/admin")
    assert plain.data == (folder / "index.html").read_bytes()
    packed = client.get("/test/admin", headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < 100
    again = client.get("/test/admin", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/test/admin/static/parts/app.js").headers["cache-control"] == "no-cache"
    assert client.get("/test/admin/static/../index.html").status_code == 404


@pytest.mark.parametrize("path", ["/admin", "/admin/static/nothing.js", "/admin/api/session", "/admin/api/nowhere"])
def test_a_browser_may_do_little_with_what_stands_below_admin(office: Office, path: str) -> None:
    reply = office.browser.get(path)
    assert set(HEADERS) <= {name.lower() for name, _ in reply.headers}
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert "access-control-allow-origin" not in reply.headers


def test_what_the_api_says_is_kept_nowhere(office: Office) -> None:
    assert office.sign_in().headers["cache-control"] == "no-store"
    assert office.page("GET", "/session").headers["cache-control"] == "no-store"


def test_other_answers_are_for_all_sites_and_without_the_pages_headers(office: Office) -> None:
    reply = office.browser.get("/administration")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "content-security-policy" not in reply.headers


def test_no_other_site_may_try_keys_in_the_browsers_of_its_visitors(office: Office) -> None:
    asks = {"origin": "https://elsewhere.example", "access-control-request-headers": "authorization"}
    reply = office.browser.options("/admin/api/overview", headers=asks)
    assert reply.status_code == 204
    assert "access-control-allow-origin" not in reply.headers
