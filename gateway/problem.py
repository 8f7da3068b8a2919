"""An error as the client reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INVALID, LIMIT, SERVER, SERVICE = "invalid_request_error", "rate_limit_error", "server_error", "service_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as the client reads it. `excess` says by how much a prompt is too long, where that is known."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    excess: str = ""

    @property
    def error(self) -> dict[str, str | None]:
        """What stands under `error` in a body or a chunk."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    @property
    def body(self) -> dict[str, Any]:
        """The whole JSON body."""
        return {"error": self.error}


INTERNAL = Problem(status=500, type=SERVER, code="internal_error", message="The gateway met an error of its own.")


def as_it_is(problem: Problem) -> Problem:
    """For clients of chat completions, whose words are those of all the rest."""
    return problem
