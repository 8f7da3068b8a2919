"""What an upstream says of an error is told as what it is, wherever it stands."""

from __future__ import annotations

import pytest

from kimi.accounts import Kind
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    BrokenAnswer,
    ContentRefused,
    KimiError,
    ModelRefused,
    Overloaded,
    PromptTooLong,
    QuotaSpent,
    RateLimited,
    TokenRejected,
    UpstreamError,
)
from tests.kimi.dialects.bench import Bench

CLASSIC_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": TokenRejected,
    "abnormal": AccountBanned,
    "forbidden": ContentRefused,
    "busy": AccountBusy,
    "too_fast": AccountBusy,
    "overloaded": Overloaded,
    "too_long": PromptTooLong,
    "anonymous": QuotaSpent,
    "internal": UpstreamError,
    "unknown": BrokenAnswer,
}
CONNECT_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": TokenRejected,
    "abnormal": AccountBanned,
    "busy": AccountBusy,
    "overloaded": Overloaded,
    "overloaded_free": Overloaded,
    "plan": ModelRefused,
    "spent": QuotaSpent,
    "concurrent_limit": AccountBusy,
    "internal": UpstreamError,
    "unavailable": UpstreamError,
    "unknown": BrokenAnswer,
}
MOONSHOT_REASONS: dict[str, type[KimiError]] = {
    "invalid_token": AccountDead,
    "incorrect_key": AccountDead,
    "permission": ModelRefused,
    "not_found": ModelRefused,
    "content_filter": ContentRefused,
    "too_long": PromptTooLong,
    "overloaded": Overloaded,
    "spent": QuotaSpent,
    "busy": RateLimited,
    "rate": RateLimited,
    "internal": UpstreamError,
    "unavailable": UpstreamError,
    "unknown": BrokenAnswer,
}
REASONS = [
    (kind, reason, error)
    for kind, table in (
        (Kind.CLASSIC, CLASSIC_REASONS),
        (Kind.KIMI, CONNECT_REASONS),
        (Kind.MOONSHOT, MOONSHOT_REASONS),
    )
    for reason, error in table.items()
]


@pytest.mark.parametrize(("kind", "reason", "error"), REASONS)
@pytest.mark.parametrize("where", [None, "http", "json", "first", "middle", "trailer"])
def test_an_error_is_what_it_says_wherever_it_stands(
    bench: Bench, reason: str, error: type[KimiError], where: str | None
) -> None:
    bench.simulator.fault("error", match={"endpoint": "chat"}, reason=reason, where=where)
    is_tried = error is AccountDead and where not in {None, "http"}  # a key is dead where the status says so too

    with pytest.raises(TokenRejected if is_tried else error):
        bench.stream()
    assert bench.chats() == 0


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.MOONSHOT])
def test_the_vendors_filter_is_told(bench: Bench) -> None:
    bench.simulator.fault("content_filter")

    with pytest.raises(ContentRefused):
        bench.stream()


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_the_organisation_of_a_limit_is_told_without_its_name(bench: Bench) -> None:
    organisations = []
    for reason in ("rate", "busy"):
        bench.simulator.fault("error", reason=reason, match={"endpoint": "chat"})
        with pytest.raises(RateLimited) as limited:
            bench.stream()
        organisations.append(limited.value.organisation)
        assert "org-" not in str(limited.value)
    assert organisations[0] == organisations[1] != ""
