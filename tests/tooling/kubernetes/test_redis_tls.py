"""Redis with a CA of one's own: both processes find the files that the guide has REDIS_URL name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from kimi.redis_address import parse
from tests.tooling.kubernetes.conftest import Render
from tests.tooling.kubernetes.manifests import (
    RELEASES,
    ROOT,
    Object,
    complaints,
    container,
    filled_in,
    of,
    pods,
    rendered,
)

SECRET: Final = "kimi-redis-tls"
FILES: Final = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}


def mounts(pod: Object) -> list[Object]:
    """Those of the Secret."""
    volumes = {each["name"] for each in pod["spec"]["volumes"] if each.get("secret", {}).get("secretName") == SECRET}
    return [mount for mount in container(pod)["volumeMounts"] if mount["name"] in volumes]


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_both_processes_have_the_files_that_the_guide_names(tmp_path: Path, page: str) -> None:
    guide = (ROOT / "docs/guides" / page).read_text("utf-8")
    (url,) = re.findall(r"^REDIS_URL=(\S+)$", guide, re.MULTILINE)
    made = set(re.findall(r"--from-file=(\S+)", guide[guide.index(SECRET) :].partition("```")[0]))
    assert parse(url).server.startswith("rediss://")
    named = {name: Path(value) for name, value in parse_qsl(urlsplit(url).query)}
    assert named.keys() == FILES and {path.name for path in named.values()} == made
    copy = filled_in(tmp_path)
    overlay = copy / "overlays/production/kustomization.yaml"
    text = overlay.read_text("utf-8")
    assert text.count("  # - ../../components/redis-tls\n") == 1
    overlay.write_text(text.replace("# - ../../components/redis-tls", "- ../../components/redis-tls"), "utf-8")
    objects = rendered(copy, "production")
    for name in ("kimi-gateway", "kimi-refresher"):
        (mount,) = mounts(pods(objects)[name])
        assert (mount["mountPath"], mount["readOnly"]) == (str(named["ssl_ca_certs"].parent), True)
        assert [complaints(of(objects, "Deployment")[name], release) for release in RELEASES] == [[], []]
    assert len({path.parent for path in named.values()}) == 1


def test_whoever_has_no_such_secret_needs_none(render: Render) -> None:
    assert [mounts(pod) for pod in pods(render("production")).values()] == [[], []]
