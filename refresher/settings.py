"""What an operator can set of the refresher."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from kimi.accounts import ConfiguredAccount, Kind
from kimi.accounts_file import from_tokens
from kimi.settings import CommonSettings, Port


def _usable(value: str, info: ValidationInfo) -> str:
    kind = info.data.get("kimi_kind")
    if isinstance(kind, Kind):  # else that variable is bad, and there is no telling what these ought to be
        from_tokens(value, kind)
    return value


class RefresherSettings(CommonSettings):
    """Settings of the refresher. The tokens are checked here, so that a bad one is told with all other mistakes."""

    kimi_refresh_tokens: Annotated[str, AfterValidator(_usable)] = Field("", repr=False)
    refresher_metrics_port: Port | None = None
    refresher_exchanges_per_second: float = Field(30, ge=0.001, le=10_000, allow_inf_nan=False)  # of all refreshers

    @property
    def bare_accounts(self) -> tuple[ConfiguredAccount, ...]:
        """The accounts of `KIMI_REFRESH_TOKENS`."""
        return from_tokens(self.kimi_refresh_tokens, self.kimi_kind)
