from __future__ import annotations

from types import SimpleNamespace

import pytest

from gateway.mistakes import log_those_of


@pytest.mark.parametrize(("error", "told"), [(ValueError(), 1), (SystemExit(0), 0)], ids=["mistake", "told to stop"])
def test_mistakes_are_told_and_the_end_of_a_worker_is_none(
    error: BaseException, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    hub = SimpleNamespace()
    log_those_of(hub)
    hub.print_exception(None, type(error), error, None)
    assert len(caplog.records) == told
