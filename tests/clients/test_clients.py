"""Real clients against the real processes: each check of their scripts has to hold."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clients.catalogue import CLIENTS, WEB, Client
from clients.environment import Environment, make
from clients.product import Product
from clients.running import Run, run

ALL_MODELS = pytest.mark.parametrize("model", CLIENTS["openai-python"].models)
LIGHT = [
    pytest.param(client, model, id=f"{client.name}-{model}")
    for client in CLIENTS.values()
    if client.is_light
    for model in client.models
]


def failures(done: Run) -> list[str]:
    """What did not hold, and all that was said beside it."""
    failed = [f"{check.name}: {check.error}" for check in done.failed]
    return [*failed, done.output] if failed else []


@ALL_MODELS
def test_openai_python_of_our_own_environment(product: Product, model: str) -> None:
    here = Environment(Path(sys.prefix))
    assert failures(run(CLIENTS["openai-python"], here, product, model)) == []


@pytest.mark.installs
@pytest.mark.parametrize(("client", "model"), LIGHT)
def test_a_client_that_is_installed(product: Product, client: Client, model: str) -> None:
    assert failures(run(client, make(client), product, model)) == []


def test_every_client_has_a_script_and_one_kind_of_package() -> None:
    assert CLIENTS
    for name, client in CLIENTS.items():
        assert client.name == name
        assert client.path.is_file()
        assert bool(client.python) != bool(client.node)
        assert client.version[0].isdigit()
        assert client.models[0] == WEB[0]
