"""What can be turned while the simulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

DAY = 86_400.0

ANSWER = (
    "【模拟器】这是模拟器的回答，不是 Kimi。This is the simulator speaking, not Kimi. 🤖\n"
    "你说 You said: {prompt}\n"
    "愿你今天愉快 🎉 – 完。"
)
THINKING = "模拟的思考 simulated thinking 🤔: {prompt}"

_CHOICES = {
    "exchange_shape": ("camel", "snake", "wrapped"),
    "body": ("auto", "chunked", "close"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every knob; times in seconds.

    `answer` and `thinking` may contain `{prompt}`, which becomes the last user message, and what else the one who
    answers has read (`simulator.reading`).
    """

    # tokens
    access_lifetime: float = 300.0
    refresh_lifetime: float = 90 * DAY
    grace_seconds: float = 0.0  # how long a spent refresh token still works
    old_access_dies: bool = True  # a new access token invalidates the account's older one
    classic_strict: bool = False  # the classic exchange spends the old refresh token as well
    exchange_delay: float = 0.0
    exchange_shape: str = "camel"  # camel | snake | wrapped (in `data`)

    # answers
    answer: str = ANSWER
    thinking: str = THINKING
    title: str = "模拟的标题 simulated title"
    events: int | None = None  # exactly that many text events, whatever the text
    event_delay: float = 0.0
    first_delay: float = 0.0  # silence before the first byte of a stream
    echo_limit: int = 2000  # characters of the prompt that are echoed
    answer_limit: int | None = None  # classic: characters after which an answer stops with `length`
    research_silence: float = 0.0  # classic: how long a research says nothing before it answers
    directives: bool = False  # obey [[sim {...}]] in prompts

    # framing
    tame: bool = False
    seed: int = 1
    body: str = "auto"  # auto: dice when nasty, chunked when tame | chunked | close

    # limits
    web_streams: int = 1
    moonshot_streams: int = 50
    linger_seconds: float = 0.0  # how long an account stays busy after its client hung up
    max_prompt: int = 200_000  # characters of a chat, classic
    connect_max_prompt: int = 450_000  # the same for connect, which really counts tokens
    parse_polls: int = 1  # how often a file is "not ready yet"
    keep_requests: int = 50  # requests remembered per account

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """These settings with `changes`. Raises ValueError that names the bad one."""
        for name, value in changes.items():
            _check(name, value)
        return replace(self, **{name: _cast(name, value) for name, value in changes.items()})

    def shown(self) -> dict[str, Any]:
        """All of them, for the control API."""
        return asdict(self)


_TYPES = {field.name: str(field.type) for field in fields(Settings)}


def _check(name: str, value: object) -> None:
    expected = _TYPES.get(name)
    if expected is None:
        raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(_TYPES))}")
    if not _fits(expected, value):
        raise ValueError(f"setting {name!r} takes {expected}, not {value!r}")
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        raise ValueError(f"setting {name!r} takes one of {', '.join(choices)}, not {value!r}")


def _fits(expected: str, value: object) -> bool:
    if expected == "bool":
        return isinstance(value, bool)
    if expected == "str":
        return isinstance(value, str)
    if value is None:
        return expected.endswith("| None")
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return False
    return expected == "float" or isinstance(value, int)


def _cast(name: str, value: Any) -> Any:
    return float(value) if _TYPES[name] == "float" else value
