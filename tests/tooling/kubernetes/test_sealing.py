"""The first sealing key is given to gateways before refreshers, as the guide says: each step is an `apply`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.tooling.kubernetes.manifests import ROOT, SECRETS, Object, environment, filled_in, pods, rendered

NAME: Final = "TOKEN_ENCRYPTION_KEYS"


def step(folder: Path, *, file: str | None) -> list[Object]:
    """What is applied while the key stands in one of the two files, or in none."""
    copy = filled_in(folder)
    for env in (copy / "overlays/production/secrets").iterdir():
        lines = re.sub(rf"^{NAME}=.*\n", "", env.read_text("utf-8"), flags=re.MULTILINE)
        env.write_text(lines + (f"{NAME}={SECRETS[NAME]}\n" if env.name == file else ""), "utf-8")
    return rendered(copy, "production")


def test_only_gateways_are_replaced_by_the_first_step_and_both_have_the_key_after_the_second(tmp_path: Path) -> None:
    before, first, second = (
        step(tmp_path / str(number), file=file) for number, file in enumerate((None, "gateway.env", "shared.env"))
    )
    assert pods(first)["kimi-refresher"] == pods(before)["kimi-refresher"]
    assert pods(first)["kimi-gateway"] != pods(before)["kimi-gateway"]
    assert NAME not in environment(first, "kimi-refresher") | environment(before, "kimi-gateway")
    for name, objects in (("kimi-gateway", first), ("kimi-gateway", second), ("kimi-refresher", second)):
        assert environment(objects, name)[NAME] == SECRETS[NAME]


@pytest.mark.parametrize("page", ["kubernetes.md", "kubernetes.zh-CN.md"])
def test_the_guide_names_both_files_in_this_order(page: str) -> None:
    guide = (ROOT / "docs/guides" / page).read_text("utf-8")
    (line,) = [line for line in guide.splitlines() if re.match(r"- \[.*\]\(operating.*(seal|加密)", line)]
    assert line.index("`secrets/gateway.env`") < line.index("`secrets/shared.env`")
