"""Descriptors are a limit of the whole process, so each case has one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
most, soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from gateway.server.room import room
print(room(most), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("most", "soft", "hard", "taken", "raised"),
    [
        (100, 1_024, 2_048, 100, 1_024),
        (500, 1_024, 2_048, 500, 1_512),
        (4_096, 1_024, 2_048, 768, 2_048),
        (4_096, 64, 64, 1, 64),
    ],
    ids=["enough", "raised", "as far as it goes", "far too few"],
)
def test_as_many_connections_as_there_are_descriptors_for(
    most: int, soft: int, hard: int, taken: int, raised: int
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, (most, soft, hard))], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [str(taken), str(raised), str(hard)]
