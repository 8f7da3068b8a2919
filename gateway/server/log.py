"""gunicorn's log, for the gateway's configuration of it."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger


class Log(Logger):  # type: ignore[misc]
    """gunicorn's messages among ours. Its access log is off: every request has its own line already."""

    def setup(self, cfg: Any) -> None:
        """Hands all messages to the root logger and its level."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.setLevel("NOTSET")
        self.error_log.propagate = True
