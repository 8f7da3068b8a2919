"""Reading the bodies of questions, for which a worker has only so much memory."""

from __future__ import annotations

from gateway.auth import Caller
from gateway.body import read_body
from gateway.breathing import breathe
from gateway.services import Services
from gateway.views.requests import present


def body_of(caller: Caller, services: Services, limit: int) -> bytes:
    """The body of the present request, which has its room until the answer begins.

    Raises `Crowded` where that does not come free in time, and what `read_body` raises.
    """
    asked = present()

    def reserve(most: int) -> None:
        asked.room = services.bodies.share(caller.scope, most)
        asked.room.wait()

    body = read_body(asked.environ, limit, reserve)
    if asked.room is not None:
        breathe()  # reading and understanding a large one are a stretch each
        asked.room.shrink(len(body))
    return body
