"""The package index that pip would use here, and the pip wheel fetched from it.

pip itself reads its configuration once it runs; this is for the one file that has to come before it, and for uv.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import os
import ssl
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PYPI = "https://pypi.org/simple"
TIMEOUT_SECONDS = 60


class IndexUnusable(Exception):
    """No index gave us what we asked for; the text says which and why."""


@dataclass(frozen=True)
class Pin:
    """A file that an index has to give us, to the byte."""

    name: str
    sha256: str

    def matches(self, content: bytes) -> bool:
        """Whether `content` is that file."""
        return hashlib.sha256(content).hexdigest() == self.sha256


PIP = Pin("pip-26.3-py3-none-any.whl", "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13")


@dataclass(frozen=True)
class Index:
    """Where packages come from. Addresses may carry a password."""

    urls: tuple[str, ...] = field(repr=False)  # the main one first
    certificates: str | None = None
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def configured(cls, environ: Mapping[str, str], files: list[Path]) -> Index:
        """What pip's variables say, then pip's `files`, of which the last wins; else uv's variables, else PyPI."""
        said = _read(files)
        main = (
            environ.get("PIP_INDEX_URL")
            or said.get("index-url")
            or environ.get("UV_DEFAULT_INDEX")
            or environ.get("UV_INDEX_URL")
            or PYPI
        )
        more = environ.get("PIP_EXTRA_INDEX_URL") or said.get("extra-index-url") or ""
        return cls(
            urls=(main, *more.split()),
            certificates=environ.get("PIP_CERT") or said.get("cert"),
            proxy=environ.get("PIP_PROXY") or said.get("proxy"),
        )


def pip_files(environ: Mapping[str, str], home: Path, prefix: Path) -> list[Path]:
    """The files that pip reads on this platform, the strongest last."""
    if environ.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    shared = [Path(folder) / "pip/pip.conf" for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    if sys.platform == "darwin":
        shared = [Path("/Library/Application Support/pip/pip.conf")]
        library = home / "Library/Application Support/pip"
        own = library / "pip.conf" if library.is_dir() else own
    named = [Path(environ["PIP_CONFIG_FILE"])] if environ.get("PIP_CONFIG_FILE") else []
    return [*shared, Path("/etc/pip.conf"), home / ".pip/pip.conf", own, prefix / "pip.conf", *named]


def _read(files: list[Path]) -> dict[str, str]:
    said: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")  # a file that is not there is no error
        except (configparser.Error, UnicodeDecodeError) as error:
            raise IndexUnusable(f"pip's configuration in {file} cannot be read: {error}") from error
        for section in ("global", "install"):
            if parser.has_section(section):
                said.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    return said


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.targets.extend(value for name, value in attrs if name == "href" and value)


def find_link(page: str, address: str, name: str) -> str | None:
    """The address of the file `name` on an index's page, which was read from `address`."""
    links = _Links()
    links.feed(page)
    for target in links.targets:
        full = urldefrag(urljoin(address, target)).url
        if unquote(urlsplit(full).path).rsplit("/", 1)[-1] == name:
            return full
    return None


def fetch_pip(index: Index, folder: Path, pin: Pin = PIP) -> Path:
    """The pip wheel in `folder`, fetched when it is not there yet. Raises IndexUnusable, OSError."""
    wheel = folder / pin.name
    if wheel.exists() and pin.matches(wheel.read_bytes()):
        return wheel
    complaints = []
    for url in index.urls:
        try:
            content = _wheel_from(url, index, pin)
        except IndexUnusable as complaint:
            complaints.append(str(complaint))
            continue
        folder.mkdir(parents=True, exist_ok=True)
        wheel.write_bytes(content)
        return wheel
    raise IndexUnusable("; ".join(complaints))


def _wheel_from(url: str, index: Index, pin: Pin) -> bytes:
    page_address = f"{url.rstrip('/')}/pip/"
    page, final_address = _get(page_address, index)
    link = find_link(page.decode("utf-8", "replace"), final_address, pin.name)
    if link is None:
        raise IndexUnusable(f"{without_password(page_address)} does not list {pin.name}")
    if urlsplit(link).hostname == urlsplit(url).hostname and "@" not in urlsplit(link).netloc:
        link = _with_password_of(url, link)
    content, _ = _get(link, index)
    if not pin.matches(content):
        raise IndexUnusable(f"{without_password(link)} is not the file it should be: its SHA-256 differs")
    return content


def _with_password_of(url: str, link: str) -> str:
    who, at, _ = urlsplit(url).netloc.rpartition("@")
    parts = urlsplit(link)
    return urlunsplit(parts._replace(netloc=f"{who}{at}{parts.netloc}"))


def _get(url: str, index: Index) -> tuple[bytes, str]:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path.endswith("/"):
        parts = parts._replace(path=f"{parts.path}index.html")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare, headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310 - pip's schemes
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    try:
        with _opener(index).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.read(), answer.url
    except (OSError, ValueError) as error:  # URLError and TLS errors are OSErrors
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise IndexUnusable(f"{without_password(url)} cannot be read ({reason})") from error


def _opener(index: Index) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = []
    if index.certificates:
        context = ssl.create_default_context(cafile=index.certificates)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    if index.proxy:
        handlers.append(urllib.request.ProxyHandler({"http": index.proxy, "https": index.proxy}))
    return urllib.request.build_opener(*handlers)


def without_password(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
