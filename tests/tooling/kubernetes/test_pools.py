"""Several pools stand beside each other: an overlay says all that has to be another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tooling.kubernetes.manifests import Object, environment, filled_in, of, rendered


@pytest.fixture
def second(tmp_path: Path) -> list[Object]:
    """The overlay of the second pool, of which only its own folder was changed."""
    copy = filled_in(tmp_path)
    mine = copy / "overlays" / "second"
    shutil.copytree(copy / "overlays" / "production", mine)
    file = mine / "kustomization.yaml"
    text = file.read_text("utf-8").replace("namespace: kimi\n", "namespace: second\n")
    text = text.replace("kimi.example.com", "second.example.com").replace("name: public", "name: other")
    file.write_text(text.replace("- GATEWAY_QUEUE", "- KIMI_POOL=second\n      - GATEWAY_QUEUE"), "utf-8")
    return rendered(copy, "second")


def test_an_overlay_names_the_namespace_the_pool_the_host_and_its_gateway(second: list[Object]) -> None:
    assert {each["metadata"].get("namespace", "second") for each in second} == {"second"}
    assert environment(second, "kimi-gateway")["KIMI_POOL"] == environment(second, "kimi-refresher")["KIMI_POOL"]
    assert environment(second, "kimi-gateway")["KIMI_POOL"] == "second"
    (route,) = of(second, "HTTPRoute").values()
    assert route["spec"]["hostnames"] == ["second.example.com"]
    assert route["spec"]["parentRefs"][0]["name"] == "other"


@pytest.mark.parametrize("overlay", ["production", "ingress-nginx"])
def test_no_name_is_left_that_a_component_makes_up(tmp_path: Path, overlay: str) -> None:
    assert ".invalid" not in str(rendered(filled_in(tmp_path), overlay))
