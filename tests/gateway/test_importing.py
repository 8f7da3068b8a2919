"""The collector of garbage, while much is imported."""

from __future__ import annotations

import gc

import pytest

from gateway.importing import uncollected


def test_the_collector_rests_and_goes_on_whatever_happens() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()
