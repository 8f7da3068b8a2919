"""Where Redis is: one server, the master that Sentinels name, or the master of a cluster that has the pool's slot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

_SCHEMES: Final = {
    "redis": (6379, "redis"),
    "rediss": (6379, "rediss"),
    "unix": (0, "unix"),
    "redis+sentinel": (26379, "redis"),
    "rediss+sentinel": (26379, "rediss"),
    "redis+cluster": (6379, "redis"),
    "rediss+cluster": (6379, "rediss"),
}
"""With the port where none is named, and the scheme of each of the servers."""
_LOGIN: Final = frozenset({"username", "password", "client_name"})  # the others are ours to choose
_TLS: Final = frozenset(
    {"ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_password"}
)
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINELS: Final = frozenset({"sentinel_username", "sentinel_password"})
_REPLICAS: Final = "replicas"
_VALUES: Final = {
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_check_hostname": ("true", "false"),
}
_MOST_REPLICAS: Final = 99


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """What a URL of Redis says.

    `server` is one in the form that redis-py knows, with login, database and options; of Sentinels and clusters it is
    none that may be connected to. `asked` are those that know the master, in the same form: the Sentinels of `service`,
    or nodes of a cluster where there is none; empty where `server` is the only one.
    A fresh token counts as stored once so many `replicas` have it, or all that are known where that is None.
    """

    server: str = field(repr=False)
    asked: tuple[str, ...] = field(default=(), repr=False)
    service: str = ""
    replicas: int | None = 0

    @property
    def files(self) -> dict[str, str]:
        """The files that its options name, by option."""
        options = dict(parse_qsl(urlsplit(self.server).query))
        return {name: options[name] for name in _FILES if name in options}


def parse(value: str) -> RedisAddress:
    """What `value` says. Raises `ValueError`, whose text says what is wrong with it and nothing of what is in it."""
    url = _split(value)
    options = _options(url)
    if url.scheme == "unix":
        if not url.path.strip("/"):
            raise ValueError("has no path of a socket")
        return RedisAddress(_url(url.scheme, url.netloc, url.path, options), replicas=_replicas(options, 0))
    login, _, hosts = url.netloc.rpartition("@")
    port, scheme = _SCHEMES[url.scheme]
    nodes = list(_nodes(hosts, port))
    first, second, *more = [*url.path.strip("/").split("/"), "", ""]
    if any(more):
        raise ValueError("has more behind its hosts than it can mean")
    if url.scheme.endswith("+sentinel"):
        service = _service(first)
        server = _url(scheme, _with(login, nodes[0]), f"/{_database(second)}", options)
        own = _sentinels_login(options)
        asked = tuple(_url(scheme, _with(own, node), "/0", options, _TLS) for node in nodes)
        return RedisAddress(server, asked, service, _replicas(options, None))
    if second:
        raise ValueError("has more behind its hosts than it can mean")
    if url.scheme.endswith("+cluster"):
        if _database(first) != "0":
            raise ValueError("must not name a database: a cluster has 0 alone")
        asked = tuple(_url(scheme, _with(login, node), "/0", options) for node in nodes)
        return RedisAddress(asked[0], asked, replicas=_replicas(options, None))
    if len(nodes) > 1:
        raise ValueError("names several hosts: begin it with redis+sentinel:// or redis+cluster://")
    server = _url(scheme, _with(login, nodes[0]), f"/{_database(first)}", options)
    return RedisAddress(server, replicas=_replicas(options, 0))


def _split(value: str) -> SplitResult:
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValueError("must not contain spaces or control characters")
    try:
        url = urlsplit(value)
    except ValueError:
        raise ValueError("is not a valid URL") from None
    if url.scheme not in _SCHEMES:
        *others, last = (f"{scheme}://" for scheme in _SCHEMES)
        raise ValueError(f"must start with {', '.join(others)} or {last}")
    if url.fragment:
        raise ValueError("must not contain a fragment: write # as %23")
    return url


def _options(url: SplitResult) -> dict[str, str]:
    known = _LOGIN | {_REPLICAS}
    if not url.scheme.endswith("+cluster"):
        known |= {"db"}
    if url.scheme.endswith("+sentinel"):
        known |= _SENTINELS
    if url.scheme.startswith("rediss"):
        known |= _TLS
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if not options.keys() <= known:
        raise ValueError(f"has an unknown option behind the question mark, known are {', '.join(sorted(known))}")
    if not options.get("db", "0").isdecimal():
        raise ValueError("has an option db that is not the number of a database")
    replicas = options.get(_REPLICAS, "0")
    if not replicas.isdecimal() or int(replicas[:3]) > _MOST_REPLICAS:
        raise ValueError(f"has an option replicas that is not a number up to {_MOST_REPLICAS}")
    for name, values in _VALUES.items():
        if options.get(name, values[0]) not in values:
            raise ValueError(f"has an option {name} that is none of {', '.join(values)}")
    return options


def _nodes(hosts: str, port: int) -> Iterator[str]:
    """Each of `hosts` with its port, or with `port` where it has none."""
    for host in hosts.split(","):
        try:
            node = urlsplit(f"//{host}")
            found, own_port = node.hostname, node.port
        except ValueError:
            raise ValueError("is not a valid URL") from None
        if not found or node.path or node.query:
            raise ValueError("has no host" if "," not in hosts else "has a host without a name")
        if own_port == 0:
            raise ValueError("has a port 0")
        yield f"{f'[{found}]' if ':' in found else found}:{own_port or port}"


def _service(text: str) -> str:
    if not text:
        raise ValueError("has no name of a service, as in redis+sentinel://h1:26379,h2:26379/SERVICE/0")
    if any(sign in text for sign in "@:,"):
        raise ValueError("has hosts behind a /, which is %2F in a user or a password")
    return unquote(text)


def _database(text: str) -> str:
    if text and not text.isdecimal():
        raise ValueError("must end with the number of a database, as in /0")
    return text or "0"


def _replicas(options: dict[str, str], otherwise: int | None) -> int | None:
    return int(options[_REPLICAS]) if _REPLICAS in options else otherwise


def _sentinels_login(options: dict[str, str]) -> str:
    user, password = (quote(options.get(f"sentinel_{what}", ""), safe="") for what in ("username", "password"))
    return f"{user}:{password}" if user or password else ""


def _with(login: str, node: str) -> str:
    return f"{login}@{node}" if login else node


def _url(
    scheme: str, netloc: str, path: str, options: dict[str, str], known: frozenset[str] = _LOGIN | _TLS | {"db"}
) -> str:
    """One server in the form that redis-py knows, with those `options` that are `known` to it."""
    query = urlencode({name: option for name, option in options.items() if name in known})
    return f"{scheme}://{netloc}{path}{'?' if query else ''}{query}"
