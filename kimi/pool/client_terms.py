"""What a client may do with its key: its name, its limits, the models that it may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

LONGEST_NAME: Final = 64
_SECRETS: Final = ("sk-", "eyJ", "Bearer ")
MOST_MODELS: Final = 100
LONGEST_MODEL: Final = 100
LARGEST: Final[Mapping[str, int]] = {
    "requests_per_minute": 100_000,  # the times of all of them are kept for a minute
    "tokens_per_day": 1_000_000_000_000,
    "concurrent": 10_000,
}
LIMITS: Final = (*LARGEST, "models")
"""The names of all limits."""
_OTHERS: Final = frozenset({"admin", "passthrough"})
"""What the log calls clients that have no such key; besides it has the numbers of those in `GATEWAY_API_KEYS`."""


Changes = Mapping[str, int | tuple[str, ...] | None]
"""Limits that change, by their names; None is no limit from now on."""


class ClientRefused(ValueError):
    """This cannot be the name or the limits of a key. `str()` is a sentence for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What one key may take, over all replicas. None is no limit. Raises `ClientRefused` where one is none.

    An entry of `models` is the name of a model as the client writes it; with a `*` at its end it stands for all names
    that begin so: `kimi` is that model alone, `kimi*` is `kimi-thinking` as well.
    """

    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    concurrent: int | None = None
    models: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, largest in LARGEST.items():
            value = getattr(self, name)
            if value is not None and not (type(value) is int and 1 <= value <= largest):
                raise ClientRefused(f"{name} has to be a whole number from 1 to {largest}, or nothing for no limit.")
        if self.models is not None:
            _check_models(self.models)

    @property
    def are_counted(self) -> bool:
        """Whether requests have to be counted."""
        return not (self.requests_per_minute is self.tokens_per_day is self.concurrent is None)

    def allow(self, model: str) -> bool:
        """Whether the client may ask for `model`."""
        return self.models is None or any(
            model.startswith(entry[:-1]) if entry.endswith("*") else model == entry for entry in self.models
        )

    def described(self) -> dict[str, Any]:
        """The same as JSON has it."""
        counts = {name: getattr(self, name) for name in LARGEST}
        return {**counts, "models": None if self.models is None else list(self.models)}


NO_LIMITS: Final = ClientLimits()


def limits_from(told: Mapping[str, Any]) -> ClientLimits:
    """What JSON says of limits; what it does not name, or what is null, is no limit. Raises `ClientRefused`."""
    if unknown := sorted(set(told) - set(LIMITS)):
        raise ClientRefused(f"There is no limit named {unknown[0][:40]!r}.")
    given = dict(told)
    if isinstance(models := given.get("models"), Iterable) and not isinstance(models, str | Mapping):
        given["models"] = tuple(models)
    limits = ClientLimits(**given)
    # Not a matter of `ClientLimits`: keys that were created before this was looked at are read as they are.
    if any("*" in model[:-1] for model in limits.models or ()):
        raise ClientRefused("models holds a * that is not at the end of a name, where it stands for any rest.")
    return limits


def changes_from(told: Mapping[str, Any]) -> Changes:
    """What JSON changes of limits: those that it names. Raises `ClientRefused`."""
    limits = limits_from(told)
    return {name: getattr(limits, name) for name in told}


def clean_name(name: str) -> str:
    """`name` as a key can have it, without blanks around it. Raises `ClientRefused`."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise ClientRefused(f"The name of a key has 1 to {LONGEST_NAME} printable characters.")
    if name in _OTHERS or name.isdecimal():
        raise ClientRefused(f"{name} is what the log calls other clients: choose another name.")
    if name.startswith(_SECRETS):
        raise ClientRefused("The name of a key is shown wherever it is used, and must not begin like a key or a token.")
    return name


def _check_models(models: object) -> None:
    if not isinstance(models, tuple) or not all(isinstance(each, str) for each in models):
        raise ClientRefused("models has to be a list of names, or nothing for all of them.")
    if not 1 <= len(models) <= MOST_MODELS:
        raise ClientRefused(f"models has to hold 1 to {MOST_MODELS} names, or be nothing for all of them.")
    for each in models:
        if not 1 <= len(each) <= LONGEST_MODEL or not each.isprintable() or " " in each or "," in each:
            raise ClientRefused(
                f"models holds what is no name of a model: 1 to {LONGEST_MODEL} characters, no blanks, no commas."
            )
