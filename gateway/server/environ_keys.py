"""Where a request's environment has what this server alone gives: all that it and the application agree on."""

from __future__ import annotations

from typing import Final

KNOWN: Final = "gateway.known"
"""What is called once whoever sends the request has shown a key."""
SERVED: Final = "gateway.served"
"""What is called once an account is asked for him, which costs something, or he is the operator.

Until then his answer is a stranger's where he does not read it.
"""
ROOM: Final = "gateway.room"
"""What is called to wait until the client has taken some of what was sent to him. Raises `OSError` if he does not."""
