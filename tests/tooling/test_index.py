from __future__ import annotations

import base64
import hashlib
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from devtools.environment import uv_environment
from devtools.index import PYPI, Index, IndexUnusable, Pin, fetch_pip, find_link, pip_files

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEEL = b"not really a wheel"
PIN = Pin("pip-1.0-py3-none-any.whl", hashlib.sha256(WHEEL).hexdigest())


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and keeps what was asked for."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        SERVED.append((self.path, self.headers.get("Authorization", "")))
        super().do_GET()


SERVED: list[tuple[str, str]] = []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An index at /simple that has the wheel, and an empty one at /empty; yields host and port."""
    for folder in ("simple/pip", "files", "empty/pip"):
        (tmp_path / "web" / folder).mkdir(parents=True)
    page = f'<a href="../../files/{PIN.name}#sha256=0">{PIN.name}</a>'
    (tmp_path / "web/simple/pip/index.html").write_text(page)
    (tmp_path / "web/empty/pip/index.html").write_text("<html></html>")
    (tmp_path / "web/files" / PIN.name).write_bytes(WHEEL)
    SERVED.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web"))) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_the_wheel_comes_from_the_configured_index_and_is_kept(server: str, tmp_path: Path) -> None:
    index = Index((f"http://{server}/simple",))
    assert fetch_pip(index, tmp_path / "kept", PIN).read_bytes() == WHEEL
    SERVED.clear()
    assert fetch_pip(index, tmp_path / "kept", PIN).name == PIN.name
    assert SERVED == []


def test_a_further_index_is_asked_when_the_first_has_no_pip(server: str, tmp_path: Path) -> None:
    index = Index((f"http://{server}/empty/", f"http://{server}/simple/"))
    assert fetch_pip(index, tmp_path / "kept", PIN).read_bytes() == WHEEL


@pytest.mark.usefixtures("server")
def test_an_index_on_disk_works(tmp_path: Path) -> None:
    index = Index(((tmp_path / "web/simple").as_uri(),))
    assert fetch_pip(index, tmp_path / "kept", PIN).read_bytes() == WHEEL


def test_another_file_of_that_name_is_refused(server: str, tmp_path: Path) -> None:
    (tmp_path / "web/files" / PIN.name).write_bytes(b"something else")
    with pytest.raises(IndexUnusable, match="is not the file it should be"):
        fetch_pip(Index((f"http://{server}/simple",)), tmp_path / "kept", PIN)
    assert not (tmp_path / "kept").exists()


def test_every_index_that_failed_is_named_without_its_password(server: str, tmp_path: Path) -> None:
    index = Index((f"http://me:secret@{server}/empty", "http://me:secret@127.0.0.1:1/simple"))
    with pytest.raises(IndexUnusable) as complaint:
        fetch_pip(index, tmp_path, PIN)
    assert f"http://{server}/empty/pip/ does not list" in str(complaint.value)
    assert "http://127.0.0.1:1/simple/pip/ cannot be read" in str(complaint.value)
    assert "secret" not in str(complaint.value) + repr(index)


def test_name_and_password_of_the_address_are_sent_to_that_server(server: str, tmp_path: Path) -> None:
    fetch_pip(Index((f"http://me:p%40ss@{server}/simple",)), tmp_path / "kept", PIN)
    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert [*SERVED] == [("/simple/pip/", expected), (f"/files/{PIN.name}", expected)]


def test_name_and_password_are_not_sent_to_another_server(server: str, tmp_path: Path) -> None:
    elsewhere = f'<a href="http://localhost:{server.rpartition(":")[2]}/files/{PIN.name}">here</a>'
    (tmp_path / "web/simple/pip/index.html").write_text(elsewhere)
    fetch_pip(Index((f"http://me:secret@{server}/simple",)), tmp_path / "kept", PIN)
    assert SERVED[-1] == (f"/files/{PIN.name}", "")


@pytest.mark.parametrize(
    ("environ", "configured", "expected"),
    [
        ({}, "", (PYPI,)),
        ({}, "[global]\nindex-url = https://a/simple", ("https://a/simple",)),
        ({}, "[global]\nindex_url = https://a\nextra-index-url =\n  https://b\n  https://c", ("https://a", "https://b", "https://c")),
        ({}, "[global]\nindex-url = https://a\n[install]\nindex-url = https://i", ("https://i",)),
        ({"PIP_INDEX_URL": "https://e"}, "[global]\nindex-url = https://a", ("https://e",)),
        ({"UV_INDEX_URL": "https://u"}, "", ("https://u",)),
        ({"UV_DEFAULT_INDEX": "https://u"}, "[global]\nindex-url = https://a", ("https://a",)),
    ],
)  # fmt: skip
def test_the_index_is_the_one_that_pip_would_use(
    environ: dict[str, str], configured: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(configured)
    assert Index.configured(environ, [tmp_path / "missing.conf", file]).urls == expected


def test_a_broken_pip_conf_is_named(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("index-url = https://a")
    with pytest.raises(IndexUnusable, match=r"pip's configuration in .*pip\.conf cannot be read"):
        Index.configured({}, [tmp_path / "pip.conf"])


def test_the_environments_own_pip_conf_wins_over_the_users() -> None:
    files = pip_files({}, Path("/home/me"), Path("/env"))
    assert files.index(Path("/etc/pip.conf")) < files.index(Path("/home/me/.config/pip/pip.conf"))
    assert files[-1] == Path("/env/pip.conf")
    assert pip_files({"PIP_CONFIG_FILE": "/mine"}, Path("/home/me"), Path("/env"))[-1] == Path("/mine")
    assert pip_files({"PIP_CONFIG_FILE": os.devnull}, Path("/home/me"), Path("/env")) == []


def test_links_are_found_by_their_file_name() -> None:
    page = '<a href="pip-1.0-py3-none-any.whl.metadata">x</a><a href="/f/pip-1%2E0-py3-none-any.whl#sha256=1">y</a>'
    assert find_link(page, "https://a/simple/pip/", PIN.name) == "https://a/f/pip-1%2E0-py3-none-any.whl"


def test_uv_gets_pips_index_but_its_own_variables_win() -> None:
    index = Index(("https://a", "https://b"), certificates="/ca.pem")
    env = uv_environment({"UV_DEFAULT_INDEX": "https://own"}, index)
    assert env["UV_DEFAULT_INDEX"] == "https://own"
    assert (env["UV_INDEX"], env["SSL_CERT_FILE"]) == ("https://b", "/ca.pem")
