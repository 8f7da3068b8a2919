"""Where an exchange gets its connection from, and where it goes afterwards."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from gateway.http1.dialling import dial
from gateway.http1.idle import Idle
from gateway.http1.routes import Route
from gateway.http1.wire import Wire


@dataclass(frozen=True, slots=True)
class Connections:
    """New ones are made within `timeout` seconds a step, with `context` for TLS."""

    idle: Idle
    context: ssl.SSLContext
    timeout: float

    def get(self, route: Route, *, is_new: bool) -> Wire:
        """One that is idle, or a new one. Raises what urllib3 and sockets do."""
        wire = None if is_new else self.idle.take(route)
        return wire or Wire(dial(route, self.context, self.timeout))

    def put(self, route: Route, wire: Wire, *, is_kept: bool) -> None:
        """Keeps one for the next exchange, or closes it."""
        if is_kept:
            self.idle.put(route, wire)
        else:
            wire.close()
