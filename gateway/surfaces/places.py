"""Where in the client's own body stands what is wrong with the body of chat completions that was made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.problem import Problem

_ENDS: Final = re.compile(r"[.\[]|\Z")
_LONGEST: Final = 128  # characters; behind it are names of the client's, as long as it likes


@dataclass(frozen=True, slots=True)
class Places:
    """`made` leads from fields of a body of chat completions to what they were made of; all others have their name."""

    made: Mapping[str, str] = field(default_factory=dict)

    def of(self, param: str) -> str:
        """The client's name of `param`, which may lie inside a field that is known, as in `messages[0].content`."""
        found = param
        for end in _ENDS.finditer(param):
            known = self.made.get(param[: end.start()])
            if known is not None:
                found = known + param[end.start() :]
            if end.start() > _LONGEST:
                break
        return found

    def told(self, problem: Problem) -> Problem:
        """`problem` in the client's words."""
        if problem.param is None:
            return problem
        name = self.of(problem.param)
        message = problem.message.replace(f"`{problem.param}`", f"`{name}`")
        return replace(problem, param=name, message=message)
