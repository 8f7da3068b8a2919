"""The clients that are tried: what each is installed from, and which script drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).with_name("scripts")
WEB: Final = ("kimi", "kimi-k1.5")
"""A model that only accounts of the web chat serve, of either dialect."""
OFFICIAL: Final = "kimi-k2.7-code"
"""A model that only official keys serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client. The first of its `python` or `node` packages is the one whose version the table shows.

    Its script is run once for each of `models`, and given `seconds` for it; it finds the source distribution of that
    package in the folder `sources` where it `needs_sources`.
    What `is_light` is kept as a test: it installs within seconds and runs as fast.
    """

    name: str
    script: str
    python: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    models: tuple[str, ...] = WEB[:1]
    seconds: float = 120.0
    needs_sources: bool = False
    is_light: bool = False

    @property
    def packages(self) -> tuple[str, ...]:
        """All that is installed, with exact versions."""
        return self.python or self.node

    @property
    def package(self) -> str:
        """What the client is called where it comes from."""
        return _split(self.packages[0])[0]

    @property
    def version(self) -> str:
        """The version that is installed."""
        return _split(self.packages[0])[1]

    @property
    def versions(self) -> str:
        """Everything of which a version was chosen, for people."""
        return ", ".join(" ".join(_split(package)) for package in self.packages if _split(package)[1])

    @property
    def path(self) -> Path:
        """Its script."""
        return SCRIPTS / self.script


def _split(package: str) -> tuple[str, str]:
    at = package.replace("==", "@").rfind("@")
    if at < 1:  # an @ at the beginning is one of npm's names
        return package, ""
    return package[:at].partition("[")[0], package.replace("==", "@")[at + 1 :]


_ALL: Final = (*WEB, OFFICIAL)
_OPENAI_TESTS: Final = (
    "pytest",
    "pytest-asyncio",
    "pytest-xdist",
    "respx",
    "dirty-equals",
    "inline-snapshot",
    "time-machine",
)

CLIENTS: Final[Mapping[str, Client]] = {
    client.name: client
    for client in (
        Client(name="openai-python", script="openai_python.py", python=("openai==3.54.0",), models=_ALL),
        Client(
            name="openai-python-1", script="openai_python.py", python=("openai==1.109.1",), models=_ALL, is_light=True
        ),
        Client(
            name="openai-python-own-tests",
            script="openai_own_tests.py",
            python=("openai[aiohttp]==3.54.0", *_OPENAI_TESTS),
            needs_sources=True,
        ),
        Client(
            name="anthropic-python",
            script="anthropic_python.py",
            python=("anthropic==2.12.0",),
            models=_ALL,
            is_light=True,
        ),
        Client(name="openai-node", script="openai_node.mjs", models=_ALL, node=("openai@7.57.0",), is_light=True),
        Client(
            name="ai-sdk",
            script="ai_sdk.mjs",
            models=_ALL,
            node=(
                *("ai@7.0.173", "@ai-sdk/openai@4.0.118", "@ai-sdk/openai-compatible@3.0.92"),
                *("@ai-sdk/anthropic@4.0.105", "zod@4.6.7"),
            ),
            is_light=True,
        ),
        Client(
            name="langchain",
            script="langchain_client.py",
            models=_ALL,
            python=("langchain-openai==1.7.3",),
            is_light=True,
        ),
        Client(name="litellm", script="litellm_client.py", models=_ALL, python=("litellm==1.101.6",)),
        Client(name="llm", script="llm_cli.py", models=_ALL, python=("llm==0.36",), is_light=True),
        Client(name="aider", script="aider_run.py", models=_ALL, python=("aider-chat==0.86.2",), seconds=300),
        Client(name="lm-eval", script="lm_eval_run.py", models=_ALL, python=("lm-eval[api]==0.4.13",), seconds=240),
        Client(name="promptfoo", script="promptfoo.py", models=_ALL, node=("promptfoo@0.123.1",), seconds=400),
        Client(
            name="llm-comply", script="llm_comply_run.py", models=_ALL, python=("llm-comply==0.5.0",), is_light=True
        ),
        Client(name="compatcanary", script="compatcanary.py", models=_ALL, node=("compatcanary@0.2.2",), is_light=True),
        Client(
            name="schemathesis",
            script="schemathesis_run.py",
            python=("schemathesis==4.32.5", "llm-comply==0.5.0"),
            seconds=580,
        ),
        Client(name="codex", script="codex.py", models=_ALL, node=("@openai/codex@0.169.0",), seconds=200),
        Client(
            name="claude-code",
            script="claude_code.py",
            models=_ALL,
            node=("@anthropic-ai/claude-code@2.1.330",),
            seconds=300,
        ),
    )
}


def chosen(names: Sequence[str]) -> list[Client]:
    """The clients of these names; all of them where there are none. Raises KeyError."""
    return [CLIENTS[name] for name in names or CLIENTS]
