"""Programs of Debian's that some tests look at the product through."""

from __future__ import annotations

import os
import shutil

import pytest


def program(package: str, *names: str) -> str:
    """Where a program is that has one of `names`, or that of its package.

    Where it is missing the test is skipped, or fails in a run that is to be complete.
    """
    path = f"{os.environ['PATH']}:/usr/sbin"
    for name in names or (package,):
        if found := shutil.which(name, path=path):
            return found
    told = f"{package} is not installed (Debian, Ubuntu: apt-get install {package})"
    if os.environ.get("CI_COMPLETE") == "1":
        pytest.fail(told)
    pytest.skip(told)
