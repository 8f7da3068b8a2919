from __future__ import annotations

import pytest

from gateway.surfaces.messages.models import model_list, served

ROUTES = ("kimi", "kimi-classic", "moonshot:kimi-k2.6", "moonshot:claude-own")
ALIASES = {"claude-haiku-4-5": "kimi-silent"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("claude-sonnet-4-5", "kimi-k3"),
        ("claude-opus-4-1-20250805", "kimi-k3"),
        ("claude-3-5-sonnet-latest", "kimi-k3"),
        ("claude-sonnet-4-5[1m]", "kimi-k3"),
        ("anthropic/claude-sonnet-4.5", "kimi-k3"),
        ("anthropic.claude-sonnet-4-5", "kimi-k3"),
        ("Claude-Sonnet-4-5", "kimi-k3"),
        ("claude", "kimi-k3"),
        # The operator has said what it stands for, or somebody serves it
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-own", "claude-own"),
        # None of Anthropic's
        ("kimi-k2.6", "kimi-k2.6"),
        ("kimi-k2.6[1m]", "kimi-k2.6"),
        ("gpt-4", "gpt-4"),
        ("claudette", "claudette"),
        # Nobody's
        ("claude-" + "x" * 300, "claude-" + "x" * 300),
    ],
)
def test_names_of_anthropic_stand_for_the_default(name: str, meant: str) -> None:
    assert served(name, "kimi-k3", ROUTES, ALIASES) == meant


def test_a_list_is_one_page() -> None:
    listed = model_list(["kimi", "kimi-k3"], 1_696_809_600)
    assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, "kimi", "kimi-k3")
    assert listed["data"][0] == {
        "type": "model",
        "id": "kimi",
        "display_name": "kimi",
        "created_at": "2023-10-09T00:00:00Z",
        "lifecycle": "active",
        "capabilities": None,
        "max_input_tokens": None,
        "max_tokens": None,
    }
    assert model_list([], 0)["first_id"] is None
