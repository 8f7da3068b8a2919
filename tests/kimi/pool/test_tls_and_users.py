"""Over TLS, as a user of Redis who may do no more than the pool needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest

from kimi.errors import StoreUnavailable
from kimi.pool import open_store
from kimi.settings import CommonSettings
from tests.kimi.certificates import Certificate, certify
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.tls_fronts import TlsFront
from tests.valkey import Valkey
from tests.valkeys import Cluster, SentinelSet, client_of, running

MAY = ("~kimi:{pool}:*", "&kimi:{pool}:*", "+@all", "-@admin", "-@dangerous", "+info")
USER = ("--user", "kimi", "on", ">secret", *MAY)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("tls") / "cert.pem", address="127.0.0.1")


class Fronts:
    """All that were put before servers."""

    def __init__(self, certificate: Certificate, kept: ExitStack) -> None:
        self._certificate = certificate
        self._kept = kept
        self.all: list[TlsFront] = []

    def __call__(self, port: int) -> int:
        self.all.append(self._kept.enter_context(TlsFront(port, self._certificate.server)))
        return self.all[-1].port


@pytest.fixture
def fronts(certificate: Certificate) -> Iterator[Fronts]:
    with ExitStack() as kept:
        yield Fronts(certificate, kept)


def encrypted(url: str, certificate: Certificate, login: str = "kimi:secret@") -> CommonSettings:
    scheme, _, rest = url.partition("://")
    url = f"{scheme.replace('redis', 'rediss')}://{login}{rest}?ssl_ca_certs={certificate.file}"
    return CommonSettings.model_validate({"redis_url": url})


def use(settings: CommonSettings) -> None:
    with open_store(settings, timeout=5) as store:
        pool = Pool(store, Clock(store.now()))
        pool.fill(web("a"))
        pool.leases.release(pool.leases.acquire(KIMI))


@pytest.mark.parametrize("kind", [SentinelSet, Cluster])
def test_everybody_is_asked_over_tls(kind: Any, tmp_path: Path, fronts: Fronts, certificate: Certificate) -> None:
    with running(kind(tmp_path, front=fronts, options=USER)) as servers:
        use(encrypted(servers.url, certificate))
        with client_of(servers.master) as client:
            assert client.acl_log() == [], "nothing was asked that this user may not"
    assert sum(front.encrypted for front in fronts.all) >= 2, "who knows the master, and the master"


def test_what_a_user_may_not_is_told(tmp_path: Path) -> None:
    with running(Valkey(tmp_path, options=USER)) as server:
        url = server.url.replace("//", "//kimi:secret@")
        for pool, fate in (("pool", nullcontext()), ("other", pytest.raises(StoreUnavailable, match="NoPermission"))):
            with fate:
                use(CommonSettings.model_validate({"redis_url": url, "kimi_pool": pool}))


def test_one_server_is_asked_over_tls(own_valkey: Valkey, fronts: Fronts, certificate: Certificate) -> None:
    place = fronts(own_valkey.port)
    use(encrypted(f"redis://127.0.0.1:{place}/0", certificate, login=""))
    assert fronts.all[0].encrypted


def test_a_certificate_that_nobody_vouches_for_is_refused(own_valkey: Valkey, fronts: Fronts, tmp_path: Path) -> None:
    other = certify(tmp_path / "other.pem", address="127.0.0.1")
    with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        use(encrypted(f"redis://127.0.0.1:{fronts(own_valkey.port)}/0", other, login=""))
